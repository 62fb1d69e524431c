//! Whatever is done in whatever order, the promises hold, and the answers are
//! those of the bus in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use causerie_shared::bus::deletion::Deleted;
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::question::{Accepted, Question, QueueCaps};
use causerie_shared::bus::reply::{Claim, ClaimId, Finished, ReplyState, RunningLease, Takeover};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::MessageId;
use causerie_shared::protocol::action::IfBusy;
use causerie_shared::record::{Class, Record};
use causerie_shared::room::RoomKey;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::deleting::deletion;
use crate::ear::Ear;
use crate::scene::*;
use crate::world::World;

/// One thing that somebody does. Numbers choose among what there is, modulo
/// how many there are.
#[derive(Debug, Clone)]
enum Step {
    Ask {
        room: usize,
        session: usize,
        user: usize,
        if_busy: IfBusy,
    },
    Say {
        room: usize,
    },
    AskAgain(usize),
    Claim {
        room: usize,
    },
    ClaimAgain(usize),
    Append {
        claim: usize,
        index: u64,
    },
    Beat {
        claim: usize,
        count: u64,
    },
    Look,
    TakeOver(usize),
    Cancel(usize),
    Finish(usize),
    Delete {
        asked: usize,
        is_reply: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let if_busy = prop_oneof![
        4 => Just(IfBusy::Queue),
        1 => Just(IfBusy::Reject),
        1 => Just(IfBusy::Interrupt),
    ];
    prop_oneof![
        6 => (0..2_usize, 0..3_usize, 0..2_usize, if_busy)
            .prop_map(|(room, session, user, if_busy)| Step::Ask { room, session, user, if_busy }),
        1 => (0..2_usize).prop_map(|room| Step::Say { room }),
        1 => any::<usize>().prop_map(Step::AskAgain),
        5 => (0..2_usize).prop_map(|room| Step::Claim { room }),
        1 => any::<usize>().prop_map(Step::ClaimAgain),
        8 => (any::<usize>(), 0..5_u64).prop_map(|(claim, index)| Step::Append { claim, index }),
        2 => (any::<usize>(), 0..5_u64).prop_map(|(claim, count)| Step::Beat { claim, count }),
        2 => Just(Step::Look),
        2 => any::<usize>().prop_map(Step::TakeOver),
        2 => any::<usize>().prop_map(Step::Cancel),
        4 => any::<usize>().prop_map(Step::Finish),
        2 => (any::<usize>(), any::<bool>())
            .prop_map(|(asked, is_reply)| Step::Delete { asked, is_reply }),
    ]
}

/// What has been done, and what can be referred to. The same on both buses.
struct Story {
    rooms: [RoomKey; 2],
    asked: Vec<Question>,
    claim_ids: Vec<(RoomKey, ClaimId)>,
    claims: Vec<Claim>,
    seen: Vec<RunningLease>,
}

impl Story {
    fn new(tenant: &str) -> Self {
        Self {
            rooms: ["project:p1", "user:u1"].map(|name| room(&format!("{tenant}:{name}"))),
            asked: Vec::new(),
            claim_ids: Vec::new(),
            claims: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Does a step on both, twice where it may be told twice, and compares.
    async fn play(&mut self, step: &Step, buses: [&dyn Bus; 2]) {
        match *step {
            Step::Ask {
                room,
                session,
                user,
                if_busy: wish,
            } => {
                let caps = QueueCaps {
                    session: 3,
                    user: 4,
                    tenant: 5,
                };
                let question = question_in(&self.rooms[room], &format!("s{session}"));
                let question = asked_by(&format!("u{user}"), if_busy(wish, question));
                self.asked.push(with_caps(caps, question));
                self.ask(self.asked.len() - 1, buses).await;
            }
            Step::Say { room } => {
                self.asked.push(for_people(question(&self.rooms[room])));
                self.ask(self.asked.len() - 1, buses).await;
            }
            Step::AskAgain(n) if !self.asked.is_empty() => {
                self.ask(n % self.asked.len(), buses).await;
            }
            Step::Claim { room } => {
                let claim = (self.rooms[room].clone(), ClaimId::generate());
                self.claim_ids.push(claim);
                self.claim(self.claim_ids.len() - 1, buses).await;
            }
            Step::ClaimAgain(n) if !self.claim_ids.is_empty() => {
                self.claim(n % self.claim_ids.len(), buses).await;
            }
            Step::Append { claim, index } if !self.claims.is_empty() => {
                let claim = &self.claims[claim % self.claims.len()];
                let piece = delta(claim, index, &format!("{index},"));
                same(buses, async |bus| bus.append(&claim.lease, &piece).await).await;
            }
            Step::Beat { claim, count } if !self.claims.is_empty() => {
                let lease = &self.claims[claim % self.claims.len()].lease;
                same(buses, async |bus| bus.beat(lease, count).await).await;
            }
            Step::Look => self.seen = self.leases(buses).await,
            Step::TakeOver(n) if !self.seen.is_empty() => {
                let seen = &self.seen[n % self.seen.len()];
                let id = ClaimId::generate();
                let taken = same(buses, async |bus| {
                    let taken = bus.take_over(seen, &id).await?;
                    Ok(match taken {
                        Takeover::Taken(claim) => Some(timeless(*claim)),
                        Takeover::Refused => None,
                    })
                });
                self.claims.extend(taken.await);
            }
            Step::Cancel(n) if !self.asked.is_empty() => {
                let question = &self.asked[n % self.asked.len()];
                if let Some(awaited) = &question.reply {
                    let (room, reply) = (&question.room, &awaited.message_id);
                    once(buses, async |bus| bus.cancel(room, reply).await).await;
                }
            }
            Step::Delete { asked, is_reply } if !self.asked.is_empty() => {
                let question = &self.asked[asked % self.asked.len()];
                let reply = question.reply.as_ref().filter(|_| is_reply);
                let message_id = reply.map_or(&question.message_id, |reply| &reply.message_id);
                once(buses, async |bus| {
                    let deletion = deletion(&question.room, message_id);
                    Ok(match bus.delete(&deletion).await? {
                        Deleted::Done { position } => format!("done {}", position.seq),
                        nothing @ (Deleted::Repeat | Deleted::NotTheirs | Deleted::Unknown) => {
                            format!("{nothing:?}")
                        }
                    })
                })
                .await;
            }
            Step::Finish(n) if !self.claims.is_empty() => {
                self.finish(n % self.claims.len(), buses).await;
            }
            Step::AskAgain(_)
            | Step::ClaimAgain(_)
            | Step::Append { .. }
            | Step::Beat { .. }
            | Step::TakeOver(_)
            | Step::Cancel(_)
            | Step::Finish(_)
            | Step::Delete { .. } => {}
        }
    }

    async fn ask(&self, n: usize, buses: [&dyn Bus; 2]) {
        let question = &self.asked[n];
        once(buses, async |bus| {
            Ok(match bus.accept(question).await? {
                Accepted::Stored(receipt) => format!("stored {}", receipt.position.seq),
                Accepted::Repeat(receipt) => format!("repeat {}", receipt.position.seq),
                refused @ (Accepted::Busy | Accepted::Full { .. }) => format!("{refused:?}"),
            })
        })
        .await;
    }

    async fn claim(&mut self, n: usize, buses: [&dyn Bus; 2]) {
        let (room, id) = &self.claim_ids[n];
        let claimed = same(buses, async |bus| {
            let claimed = bus.claim(room.partition(), &room.tenant, id).await?;
            Ok(claimed.map(timeless))
        });
        self.claims.extend(claimed.await);
    }

    async fn finish(&self, n: usize, buses: [&dyn Bus; 2]) {
        let claim = &self.claims[n];
        let mut ending = ending(claim, &format!("whole {}", claim.lease.attempt));
        let ended = same(buses, async |bus| bus.finish(&claim.lease, &ending).await).await;
        if ended == Finished::Cancelled {
            ending.says_cancelled = true;
            same(buses, async |bus| bus.finish(&claim.lease, &ending).await).await;
        }
    }

    async fn leases(&self, buses: [&dyn Bus; 2]) -> Vec<RunningLease> {
        let tenant = &self.rooms[0].tenant;
        same(buses, async |bus| {
            let mut leases = bus.leases().await?;
            leases.retain(|seen| seen.lease.room.tenant == *tenant);
            leases.sort_by(|a, b| a.lease.message_id.cmp(&b.lease.message_id));
            Ok(leases)
        })
        .await
    }

    /// Compares all that can be seen.
    async fn look(&self, buses: [&dyn Bus; 2]) {
        for room in &self.rooms {
            once(buses, async |bus| {
                let mut page = bus.read(room, None, 0).await?;
                page.running.sort_by(|a, b| a.message_id.cmp(&b.message_id));
                Ok((page.head.seq, page.running))
            })
            .await;
        }
        once(buses, async |bus| {
            let waiting = bus.waiting().await?.places.remove(&self.rooms[0].tenant);
            let mut waiting = waiting.unwrap_or_default();
            waiting.sort_unstable();
            Ok(waiting)
        })
        .await;
        self.leases(buses).await;
    }

    /// Ends all that is not yet.
    async fn end(&mut self, buses: [&dyn Bus; 2]) {
        self.seen = self.leases(buses).await;
        for n in 0..self.seen.len() {
            self.play(&Step::TakeOver(n), buses).await;
        }
        loop {
            for n in 0..self.claims.len() {
                self.finish(n, buses).await;
            }
            let before = self.claims.len();
            self.play(&Step::Claim { room: 0 }, buses).await;
            self.play(&Step::Claim { room: 1 }, buses).await;
            if self.claims.len() == before {
                break;
            }
        }
    }

    /// Checks what one who heard it all has seen of `room`.
    async fn check(&self, room: &RoomKey, heard: &[Arc<Record>], bus: &dyn Bus) {
        let log = whole_log(bus, room).await;
        let numbers: Vec<_> = (1..=log.len() as u64).collect();
        assert_eq!(seqs(&log), numbers);
        let durable = heard
            .iter()
            .filter(|record| record.header.position.is_some());
        assert_eq!(durable.clone().count(), log.len());
        let mut ends: HashMap<MessageId, Record> = HashMap::new();
        let mut deleted = BTreeSet::new();
        for (heard, record) in durable.zip(log) {
            durable_frame(&record);
            // But for what was deleted, of which the place is left.
            if is_tombstone(&record) {
                let place = |record: &Record| (record.header.position.clone(), record.header.ts);
                assert_eq!(place(&record), place(heard));
                assert_ne!(heard.header.event, "message_deleted");
                deleted.extend(heard.header.reply.clone().map(|reply| reply.message_id));
                continue;
            }
            assert_eq!(record, **heard);
            if record.header.class == Class::Final {
                let reply = record.header.reply.clone().unwrap().message_id;
                assert!(ends.insert(reply, record).is_none(), "ended twice");
            }
        }
        for question in self.asked.iter().filter(|asked| asked.room == *room) {
            let status = bus.reply(&question.message_id).await.unwrap();
            let Some(awaited) = &question.reply else {
                continue;
            };
            let message = ends.remove(&awaited.message_id);
            match status {
                Some(status) => {
                    let is_deleted = deleted.contains(&awaited.message_id);
                    assert!(message.is_some() != is_deleted);
                    assert_eq!(status.state, ReplyState::Done { message });
                }
                None => assert_eq!(message, None),
            }
        }
        assert!(ends.is_empty(), "an end of what was never asked: {ends:?}");
        check_deltas(heard);
    }
}

fn is_tombstone(record: &Record) -> bool {
    record.header.event == "message_deleted" && record.header.in_reply_to.is_none()
}

/// Deltas are heard in order, without a hole, and only before the end.
fn check_deltas(heard: &[Arc<Record>]) {
    let mut next: BTreeMap<(&MessageId, u32), i64> = BTreeMap::new();
    let mut latest: HashMap<&MessageId, u32> = HashMap::new();
    for record in heard {
        let Some(part) = &record.header.reply else {
            continue;
        };
        let attempt = latest.entry(&part.message_id).or_default();
        match record.header.class {
            Class::Delta => {
                assert!(part.attempt >= *attempt, "of an older attempt");
                *attempt = part.attempt;
                let next = next.entry((&part.message_id, part.attempt)).or_default();
                assert_eq!(part.index, *next);
                *next += 1;
            }
            Class::Final => *attempt = u32::MAX,
            Class::Durable | Class::Transient | Class::Start => {}
        }
    }
}

/// A claim without what differs from bus to bus.
fn timeless(claim: Claim) -> Claim {
    Claim {
        waited_ms: 0,
        ..claim
    }
}

type Answer<T> = Result<T, causerie_shared::bus::BusError>;

/// What both answer.
async fn once<T: PartialEq + std::fmt::Debug>(
    [one, other]: [&dyn Bus; 2],
    verb: impl AsyncFn(&dyn Bus) -> Answer<T>,
) -> T {
    let answer = verb(one).await.unwrap();
    assert_eq!(answer, verb(other).await.unwrap());
    answer
}

/// What both answer, however often they are told.
async fn same<T: PartialEq + std::fmt::Debug>(
    buses: [&dyn Bus; 2],
    verb: impl AsyncFn(&dyn Bus) -> Answer<T>,
) -> T {
    let answer = once(buses, &verb).await;
    assert_eq!(once(buses, &verb).await, answer);
    answer
}

pub async fn every_order_keeps_the_promises<W: World>() {
    let world = W::new(Retention::default()).await;
    let bus = world.node().await;
    let memory = MemoryBus::new(Retention::default());
    let count = AtomicU32::new(0);
    let config = Config {
        cases: 100,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let steps = proptest::collection::vec(step(), 1..40);
    let story = async |steps: Vec<Step>| {
        let tenant = format!("t{}", count.fetch_add(1, Ordering::Relaxed));
        let buses: [&dyn Bus; 2] = [&*bus, &memory];
        let mut story = Story::new(&tenant);
        let mut ears = Vec::new();
        for room in &story.rooms {
            ears.push(Ear::open(&*bus, &[room]).await);
        }
        for step in &steps {
            story.play(step, buses).await;
            story.look(buses).await;
        }
        story.end(buses).await;
        for (room, ear) in story.rooms.iter().zip(&mut ears) {
            let heard = ear.until_now(&*bus, room).await;
            story.check(room, &heard, &*bus).await;
        }
    };
    block_in_place(|| {
        let played = TestRunner::new(config).run(&steps, |steps| {
            Handle::current().block_on(story(steps));
            Ok(())
        });
        played.unwrap_or_else(|failure| panic!("{failure}"));
    });
}
