//! Trap 7: commands wait without bound, in number and in time.

use std::time::{Duration, Instant};

use causerie_shared::bus::BusError;
use causerie_testkit::redis::Redis;
use fred::interfaces::{ClientLike, EventInterface, MetricsInterface};
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use super::{PATIENCE, alone, connected, ours};
use crate::scene::*;

/// As many as fit into the queue of one connection.
const FIT: usize = 10_000;
const ASKED: usize = 2 * FIT;

#[tokio::test]
async fn what_does_not_fit_is_refused_at_once_and_the_rest_in_time() {
    let mut redis = Redis::start().await;
    let bus = ours(redis.url(), PATIENCE).await;
    redis.kill();
    let room = room("acme:project:p1");
    let asked = join_all((0..ASKED).map(|_| bus.read(&room, None, 0)));
    let refused = asked.await.into_iter().map(|asked| match asked {
        Err(BusError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    });
    let (at_once, in_time): (Vec<_>, Vec<_>) =
        refused.partition(|why| why.starts_with("Backpressure"));
    assert_eq!((at_once.len(), in_time.len()), (ASKED - FIT, FIT));
    let timed_out = |why: &String| why.starts_with("Timeout") || why.contains("no answer within");
    assert!(in_time.iter().all(timed_out), "{in_time:?}");
}

/// What is gathered waits for us and not for fred, within the same bounds.
#[tokio::test]
async fn what_is_gathered_waits_within_the_same_bounds() {
    let mut redis = Redis::start().await;
    let bus = ours(redis.url(), PATIENCE).await;
    redis.kill();
    let room = room("acme:project:p1");
    let questions: Vec<_> = (0..ASKED).map(|_| for_people(question(&room))).collect();
    let began = Instant::now();
    let asked = join_all(questions.iter().map(|question| bus.accept(question)));
    let refused = asked.await.into_iter().map(|asked| match asked {
        Err(BusError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    });
    let at_once = refused.filter(|why| why.starts_with("Backpressure"));
    // One is on its way.
    assert_eq!(at_once.count(), ASKED - FIT - 1);
    assert!(began.elapsed() < 20 * PATIENCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn fred_alone_lets_any_number_wait_for_ever() {
    let mut redis = Redis::start().await;
    let client = connected(&alone(&redis.url())).await;
    let mut errors = client.error_rx();
    redis.kill();
    errors.recv().await.unwrap();
    let mut asked: FuturesUnordered<_> = (0..ASKED).map(|_| client.ping::<()>(None)).collect();
    let ended = timeout(Duration::from_secs(5), asked.next()).await;
    assert!(ended.is_err(), "{ended:?}");
    assert_eq!(client.command_queue_len(), ASKED);
}
