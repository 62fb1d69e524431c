//! More at once than anybody could take as fast.

use causerie_shared::bus::feed::Heard;
use causerie_shared::room::RoomKey;
use causerie_testkit::redis::Redis;

use super::{channel_of, ours};
use crate::ear::Ear;
use crate::scene::*;

#[tokio::test]
async fn a_burst_is_heard_whole() {
    let redis = Redis::start().await;
    let bus = ours(redis.url(), super::PATIENCE).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::with_buffer(&*bus, &[&room], 20_000).await;
    burst(&redis, &room, 10_000).await;
    for _ in 0..10_000 {
        assert!(matches!(ear.try_next().await, Some(Heard::Record { .. })));
    }
}

#[tokio::test]
async fn what_a_reader_misses_of_a_burst_is_told() {
    let redis = Redis::start().await;
    let bus = ours(redis.url(), super::PATIENCE).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::with_buffer(&*bus, &[&room], 100).await;
    burst(&redis, &room, 40_000).await;
    ear.gap().await;
}

/// As many records at once as only a script can publish.
async fn burst(redis: &Redis, room: &RoomKey, count: usize) {
    let script = "for i = 1, ARGV[2] do redis.call('SPUBLISH', KEYS[1], ARGV[1]) end";
    let record = typing(room, 1).encode();
    let record = std::str::from_utf8(&record).unwrap();
    let (channel, count) = (channel_of(room), count.to_string());
    let command = ["EVAL", script, "1", &channel, record, &count];
    redis.command(&command).await;
}
