use std::ops::{Deref, DerefMut};

use super::*;
use crate::frame::OutFrame;
use crate::hub::testing::{
    delta, durable, ended, message_id, notice, position, room, running, start,
};
use crate::hub::{Join, Live, Start, Viewer};
use crate::outbox::Outbox;
use causerie_shared::bus::log::{Missed, Page, RunningReply};
use causerie_shared::ids::UserId;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::event::Event;
use futures::FutureExt;
use serde_json::Value;

mod joining;
mod reading;
mod replies;

const LIFE: &str = "aaaaaaaa";
const NEXT_LIFE: &str = "bbbbbbbb";

/// So many get something in one turn: a few are a crowd.
const TURN: usize = 2;

/// A room as its shard handles it.
struct Handled(Room);

impl Handled {
    fn new() -> Self {
        Self(Room::new(room(), Clock::default(), TURN))
    }

    fn act(&mut self, act: impl FnOnce(&mut Room) -> Option<Need>) -> Option<Need> {
        // Few are in it: no other task has to have a turn.
        let mut need = self.0.act(act).now_or_never().unwrap();
        while self.0.has_to_proceed() {
            need = need.or(self.0.proceed().now_or_never().unwrap());
        }
        need
    }

    fn on_opened(&mut self, opened: Result<Page, BusError>) -> Option<Need> {
        self.act(|room| room.on_opened(opened))
    }

    fn on_page(&mut self, page: Result<Page, BusError>) -> Option<Need> {
        self.act(|room| room.on_page(page))
    }

    fn on_join(&mut self, waiting: Waiting) -> Option<Need> {
        self.act(|room| room.on_join(waiting))
    }

    fn on_record(&mut self, record: Record) -> Option<Need> {
        self.act(|room| room.on_record(Arc::new(record)))
    }

    fn on_head(&mut self, head: Position) -> Option<Need> {
        self.act(|room| room.on_head(head))
    }

    fn on_unsubscribed(&mut self) -> Option<Need> {
        self.act(Room::on_unsubscribed)
    }
}

impl Deref for Handled {
    type Target = Room;
    fn deref(&self) -> &Room {
        &self.0
    }
}

impl DerefMut for Handled {
    fn deref_mut(&mut self) -> &mut Room {
        &mut self.0
    }
}

/// A client in the room.
struct Client {
    outbox: Arc<Outbox>,
    joined: oneshot::Receiver<Result<Joined, BusError>>,
}

impl Client {
    /// What it was sent since this was last asked, in short.
    fn seen(&self) -> Vec<String> {
        let batch = self.outbox.next(usize::MAX).now_or_never();
        let frames = batch.map(|batch| batch.frames).unwrap_or_default();
        frames.iter().map(|frame| in_short(frame)).collect()
    }

    fn is_member(&mut self) -> bool {
        matches!(self.joined.try_recv(), Ok(Ok(Joined::Member)))
    }

    fn is_behind(&mut self) -> bool {
        matches!(self.joined.try_recv(), Ok(Ok(Joined::Behind)))
    }
}

fn in_short(frame: &OutFrame) -> String {
    let json: Value = serde_json::from_str(frame.json()).unwrap();
    let data = &json["data"];
    match frame.event.as_str() {
        "subscribed" => format!(
            "subscribed {}:{} {}",
            json["epoch"].as_str().unwrap(),
            json["seq"],
            json["recovered"]
        ),
        "message_snapshot" => format!(
            "snapshot {} {}",
            data["index"],
            data["text"].as_str().unwrap()
        ),
        "message_delta" => format!("delta {}", data["index"]),
        "ai_processing_start" => "start".into(),
        transient if json["seq"].is_null() => transient.to_owned(),
        _ => json["seq"].to_string(),
    }
}

fn page(head: Position, records: Vec<Record>, running: Vec<RunningReply>) -> Page {
    Page {
        lives: vec![head.epoch.clone()],
        head,
        missed: Missed::Records(records),
        running,
    }
}

fn join(room: &mut Handled, start: Start) -> (Client, Option<Need>) {
    join_as(
        room,
        start,
        Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
    )
}

fn join_as(in_room: &mut Handled, start: Start, viewer: Viewer) -> (Client, Option<Need>) {
    let outbox = Outbox::new(1 << 20);
    let (reply, joined) = oneshot::channel();
    let join = Join {
        room: room(),
        outbox: Arc::clone(&outbox),
        viewer,
        start,
        told: Arc::default(),
    };
    let need = in_room.on_join(Waiting { join, reply });
    (Client { outbox, joined }, need)
}

fn join_of(outbox: &Arc<Outbox>, start: Start) -> Join {
    Join {
        room: room(),
        outbox: Arc::clone(outbox),
        viewer: Viewer::Member(UserId::new("u1").unwrap(), Live::ALL),
        start,
        told: Arc::default(),
    }
}

fn at_head() -> Start {
    Start::Head { recovered: true }
}

fn reached(epoch: &str, seq: u64, is_head: bool) -> Start {
    Start::Reached {
        position: position(epoch, seq),
        is_head,
    }
}

/// A live room at event 10, with one client in it that has seen that.
fn live() -> (Handled, Client) {
    let mut room = Handled::new();
    let (client, need) = join(&mut room, at_head());
    assert_eq!(need, Some(Need::Open(None)));
    assert_eq!(
        room.on_opened(Ok(page(position(LIFE, 10), vec![], vec![]))),
        None
    );
    assert_eq!(client.seen(), ["subscribed aaaaaaaa:10 true"]);
    (room, client)
}

fn hear(room: &mut Handled, record: Record) -> Option<Need> {
    room.on_record(record)
}

fn read_after(seq: u64) -> Option<Need> {
    Some(Need::Read {
        after: position(LIFE, seq),
        tries: 0,
    })
}
/// There is one for each user of a node, and mostly nothing happens in it.
#[test]
fn a_room_is_small() {
    assert!(size_of::<Room>() <= 480, "{}", size_of::<Room>());
}
