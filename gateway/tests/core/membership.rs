//! Joining, leaving and joining anew, while what was missed is still read.

use std::sync::Arc;
use std::time::Duration;

use causerie_gateway::frame::OutFrame;
use causerie_gateway::hub::membership::Membership;
use causerie_gateway::hub::{Live, NotJoined, Viewer};
use causerie_gateway::outbox::Outbox;
use causerie_shared::ids::UserId;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::room::RoomKey;
use causerie_testkit::client::ws::Client;
use causerie_testkit::proxy::Proxy;
use causerie_testkit::redis::Redis;
use futures::FutureExt;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::redis::node_at;
use crate::support::{Node, TENANT, say};

const ROOM: &str = "project:p1";
const PATIENCE: Duration = Duration::from_secs(10);

/// One who wants to recover more than its outbox takes at once.
struct Member {
    node: Node,
    talker: Client,
    /// The position after the first event.
    first: Position,
    room: RoomKey,
    outbox: Arc<Outbox>,
    membership: Arc<Membership>,
}

impl Member {
    async fn new() -> Self {
        Self::at(Node::alone().await).await
    }

    async fn at(node: Node) -> Self {
        let mut talker = node.in_project("u1").await;
        let mut last = Value::Null;
        for _ in 0..300 {
            last = say(&mut talker, ROOM, &"x".repeat(100)).await;
        }
        let outbox = Outbox::new(16 << 10);
        let hub = node.gateway.hub.clone();
        Self {
            talker,
            first: format!("{}:1", last["epoch"].as_str().unwrap())
                .parse()
                .unwrap(),
            room: RoomKey::new(TENANT.parse().unwrap(), ROOM.parse().unwrap()),
            membership: Arc::new(Membership::new(hub, Arc::clone(&outbox))),
            outbox,
            node,
        }
    }

    fn join(&self, position: Option<Position>) -> JoinHandle<Result<(), NotJoined>> {
        let (membership, room) = (Arc::clone(&self.membership), self.room.clone());
        let viewer = Viewer::Member(UserId::new("u9").unwrap(), Live::ALL);
        tokio::spawn(async move { membership.join(room, viewer, position).await })
    }

    /// A join that has begun to bring what was missed, and can't go on before
    /// that is taken.
    async fn join_and_begin_to_recover(&self) -> JoinHandle<Result<(), NotJoined>> {
        let joining = self.join(Some(self.first.clone()));
        let begun = timeout(PATIENCE, self.outbox.next(1)).await.unwrap();
        assert_eq!(begun.frames[0].event, "subscribed");
        joining
    }

    /// What waits in the outbox.
    fn take_all(&self) -> Vec<Value> {
        let batch = self.outbox.next(usize::MAX).now_or_never();
        let frames = batch.map(|batch| batch.frames).unwrap_or_default();
        let read = |json: &str| serde_json::from_str(json).unwrap();
        frames.iter().map(|frame| read(frame.json())).collect()
    }

    /// Says something that all members have got when this returns.
    async fn say(&mut self) -> u64 {
        let seq = say(&mut self.talker, ROOM, "live").await["seq"]
            .as_u64()
            .unwrap();
        self.talker
            .expect("its own", |frame| {
                frame["type"] == "new_message" && frame["seq"] == seq
            })
            .await;
        seq
    }
}

async fn outcome(joining: JoinHandle<Result<(), NotJoined>>) -> Result<(), NotJoined> {
    timeout(PATIENCE, joining).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_room_left_during_recovery_stays_left() {
    let mut member = Member::new().await;
    let joining = member.join_and_begin_to_recover().await;
    assert!(member.membership.leave(&member.room).await);
    assert!(matches!(outcome(joining).await, Err(NotJoined::Over)));
    assert!(member.membership.rooms().is_empty());
    member.take_all();
    member.say().await;
    assert_eq!(member.take_all(), Vec::<Value>::new());
    assert!(!member.membership.leave(&member.room).await);
}

#[tokio::test]
async fn one_who_joins_anew_during_recovery_hears_all_once() {
    let mut member = Member::new().await;
    let first = member.join_and_begin_to_recover().await;
    outcome(member.join(None)).await.unwrap();
    assert!(matches!(outcome(first).await, Err(NotJoined::Over)));
    assert_eq!(member.membership.rooms(), [member.room.clone()]);
    let seq = member.say().await;
    let frames = member.take_all();
    let anew = frames
        .iter()
        .position(|frame| frame["type"] == "subscribed")
        .unwrap();
    let seqs: Vec<_> = frames[anew..]
        .iter()
        .map(|frame| frame["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, [seq - 1, seq]);
}

#[tokio::test]
async fn one_who_goes_during_recovery_is_held_by_nobody() {
    let mut member = Member::new().await;
    let joining = member.join_and_begin_to_recover().await;
    member.membership.end();
    assert!(matches!(outcome(joining).await, Err(NotJoined::Over)));
    let again = member.join(None);
    assert!(matches!(outcome(again).await, Err(NotJoined::Over)));
    member.say().await;
    let Member {
        outbox, membership, ..
    } = member;
    drop(membership);
    assert_eq!(Arc::strong_count(&outbox), 1);
}

#[tokio::test]
async fn one_who_is_sent_away_recovers_no_more() {
    let member = Member::new().await;
    let joining = member.join_and_begin_to_recover().await;
    member.outbox.close(CloseCode::Draining);
    assert!(matches!(outcome(joining).await, Err(NotJoined::Over)));
}

#[tokio::test]
async fn a_node_stops_in_the_middle_of_a_recovery() {
    let member = Member::new().await;
    let joining = member.join_and_begin_to_recover().await;
    timeout(PATIENCE, member.node.gateway.stop()).await.unwrap();
    assert!(matches!(outcome(joining).await, Err(NotJoined::Over)));
}

#[tokio::test]
async fn a_recovery_that_redis_interrupts_goes_on_where_it_was() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.port()).await;
    let member = Member::at(node_at(proxy.url("redis")).await).await;
    let joining = member.join_and_begin_to_recover().await;
    proxy.block();
    let mut seqs = Vec::new();
    // The first page, of which a part was held back by what was not taken.
    while seqs.len() < 128 {
        let batch = timeout(PATIENCE, member.outbox.next(usize::MAX)).await;
        seqs.extend(seqs_of(&batch.unwrap().frames));
    }
    // Now the next one is asked for, in vain.
    for _ in 0..3 {
        member.node.gateway.bus.ping().await.unwrap_err();
    }
    proxy.resume();
    while seqs.last() < Some(&300) {
        let batch = timeout(PATIENCE, member.outbox.next(usize::MAX)).await;
        seqs.extend(seqs_of(&batch.unwrap().frames));
    }
    outcome(joining).await.unwrap();
    assert_eq!(seqs, (2..=300).collect::<Vec<_>>());
}

fn seqs_of(frames: &[Arc<OutFrame>]) -> Vec<u64> {
    let seqs = frames.iter().map(|frame| {
        assert_eq!(frame.event, "new_message");
        frame.position.as_ref().unwrap().seq
    });
    seqs.collect()
}
