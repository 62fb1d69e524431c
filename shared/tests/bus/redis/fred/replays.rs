//! Trap 6: a command whose answer was lost is sent again.

use std::time::Duration;

use causerie_shared::bus::question::Accepted;
use causerie_shared::bus::reply::{Cancelled, ClaimId, Finished, Takeover};
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use fred::interfaces::KeysInterface;

use super::{alone, connected, ours};
use crate::redis::every_verb::use_every_verb;
use crate::scene::*;
use crate::world::eventually;

/// So long that an answer is certain to be on its way.
const LATENCY: Duration = Duration::from_millis(300);

struct Rig {
    redis: Redis,
    proxy: Proxy,
}

impl Rig {
    async fn new() -> Self {
        let redis = Redis::start().await;
        let proxy = Proxy::start(redis.port()).await;
        Self { redis, proxy }
    }

    /// Cuts the connection when Redis has carried `asked` out and its answer is
    /// on its way.
    async fn losing_the_answer<T>(&self, command: &str, asked: impl Future<Output = T>) -> T {
        let before = self.count(command).await;
        self.proxy.delay(LATENCY);
        let cut = async {
            eventually(async || (self.count(command).await > before).then_some(())).await;
            self.proxy.cut();
            self.proxy.resume();
        };
        let (answer, ()) = tokio::join!(asked, cut);
        assert_eq!(self.count(command).await, before + 2, "not sent again");
        answer
    }

    /// How often Redis has carried a command out.
    async fn count(&self, command: &str) -> u64 {
        let info = self.redis.command(&["INFO", "commandstats"]).await.text();
        let calls = format!("cmdstat_{command}:calls=");
        let mut lines = info.lines();
        let calls = lines.find_map(|line| line.strip_prefix(&calls));
        calls.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }
}

/// The life of two questions of one session.
#[tokio::test]
async fn every_verb_is_done_once() {
    let rig = Rig::new().await;
    let near = ours(rig.redis.url(), Duration::from_secs(5)).await;
    let far = ours(rig.proxy.url("redis"), Duration::from_secs(5)).await;
    // So that Redis knows all scripts, and one verb is one EVALSHA.
    use_every_verb(&*near).await;

    let room = room("globex:project:p1");
    let (first, second) = (question_in(&room, "s1"), question_in(&room, "s1"));
    for asked in [&first, &second] {
        let accepted = rig.losing_the_answer("evalsha", far.accept(asked)).await;
        assert!(matches!(accepted, Ok(Accepted::Repeat(_))), "{accepted:?}");
    }
    assert_eq!(seqs(&whole_log(&*near, &room).await), [1, 2]);

    let claim = ClaimId::generate();
    let claiming = far.claim(room.partition(), &room.tenant, &claim);
    let claimed = rig.losing_the_answer("evalsha", claiming).await;
    let claimed = claimed.unwrap().expect("nothing waits");
    assert_eq!(&claimed.lease.message_id, reply_of(&first));
    assert!(try_claim(&*near, &room).await.is_none());

    let seen = near.leases().await.unwrap().remove(0);
    let claim = ClaimId::generate();
    let taking = far.take_over(&seen, &claim);
    let taken = rig.losing_the_answer("evalsha", taking).await.unwrap();
    let Takeover::Taken(claimed) = taken else {
        panic!("{taken:?}")
    };
    assert_eq!(claimed.lease.attempt, 2);

    for (index, text) in ["ab", "cd"].iter().enumerate() {
        let delta = delta(&claimed, index as u64, text);
        let appending = far.append(&claimed.lease, &delta);
        rig.losing_the_answer("evalsha", appending).await.unwrap();
    }
    rig.losing_the_answer("evalsha", far.beat(&claimed.lease, 1))
        .await
        .unwrap();
    let status = near.reply(reply_of(&first)).await.unwrap().unwrap();
    assert_eq!(status.reply.text, "abcd");

    let cancelling = far.cancel(&room, reply_of(&second));
    let cancelled = rig.losing_the_answer("evalsha", cancelling).await;
    assert_eq!(cancelled.unwrap(), Cancelled::Finished);
    let ending = ending(&claimed, "abcd");
    let finishing = far.finish(&claimed.lease, &ending);
    let finished = rig.losing_the_answer("evalsha", finishing).await;
    assert_eq!(finished.unwrap(), Finished::Done);
    assert_eq!(seqs(&whole_log(&*near, &room).await), [1, 2, 3, 4]);
}

#[tokio::test]
async fn fred_alone_counts_one_increment_twice() {
    let rig = Rig::new().await;
    let client = connected(&alone(&rig.proxy.url("redis"))).await;
    let counting = client.incr::<u64, _>("counter");
    let counted = rig.losing_the_answer("incr", counting).await;
    assert_eq!(counted.unwrap(), 2);
}
