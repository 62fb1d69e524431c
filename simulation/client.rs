//! Somebody who talks, goes, comes back anywhere, and writes down what comes.

mod mind;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use causerie_gateway::actions::{Caller, perform};
use causerie_gateway::connection::{Admitted, Connected, Transport, Wanted};
use causerie_gateway::frame::OutFrame;
use causerie_gateway::identity::{Identity, Projects};
use causerie_gateway::outbox::Close;
use causerie_gateway::report::Report;
use causerie_loadtest::ledger::{ClientEvent, ClientNumber};
use causerie_loadtest::person::{DROPPED, event_of};
use causerie_shared::ids::{TenantId, UserId};
use causerie_shared::protocol::action::{Rejected, read_frame};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::installation::{GatewayNode, Installation};
use crate::told::Told;
use mind::Mind;
pub use mind::{Habits, Positions};

/// How long an answer is waited for before the connection is given up.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a client's frame may be nested.
const DEPTH: usize = 32;

/// What is taken to be sent at once.
const BATCH: usize = 16 << 10;

/// What all clients are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orders {
    /// Say nothing new.
    pub be_quiet: bool,
    /// Lose the connection, once for each raise of the number.
    pub drop_connection: u64,
}

/// One device of somebody.
pub struct Client {
    number: ClientNumber,
    tenant: TenantId,
    user: UserId,
    habits: Habits,
    installation: Arc<Installation>,
    orders: Arc<Told<Orders>>,
    mind: Mutex<Mind>,
    dice: Mutex<StdRng>,
}

/// Who somebody is, and how they live.
pub struct Person {
    pub number: ClientNumber,
    pub tenant: &'static str,
    pub user: String,
    pub habits: Habits,
    /// Where they go on, if they have positions from somebody else.
    pub positions: Positions,
}

/// Those that a connection is in without naming them as well.
fn all_rooms(user: &str, habits: &Habits) -> Vec<String> {
    let own = [format!("user:{user}"), "tenant".to_owned()];
    habits.rooms.iter().cloned().chain(own).collect()
}

impl Client {
    pub fn new(
        person: Person,
        installation: Arc<Installation>,
        orders: Arc<Told<Orders>>,
        dice: StdRng,
    ) -> Arc<Self> {
        let Person {
            number,
            tenant,
            user,
            habits,
            positions,
        } = person;
        let note = |event| installation.history.client(number, event);
        note(ClientEvent::Named {
            tenant: tenant.to_owned(),
            user: user.clone(),
            rooms: all_rooms(&user, &habits),
        });
        for (room, (epoch, seq)) in &positions {
            let (room, epoch, seq) = (room.clone(), epoch.clone(), *seq);
            note(ClientEvent::GoesOn { room, epoch, seq });
        }
        let mind = Mind::new(number, tenant, &user, positions);
        Arc::new(Self {
            number,
            tenant: TenantId::new(tenant).unwrap(),
            user: UserId::new(user).unwrap(),
            habits,
            installation,
            orders,
            mind: Mutex::new(mind),
            dice: Mutex::new(dice),
        })
    }

    /// Where it is in its rooms, if it is connected and all it said is
    /// acknowledged.
    pub fn at_rest(&self) -> Option<Positions> {
        let mind = self.mind();
        let rooms = all_rooms(self.user.as_str(), &self.habits);
        mind.is_at_rest(&rooms).then(|| mind.positions())
    }

    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Where it is in the rooms that others may hear as well.
    pub fn shared_positions(&self) -> Positions {
        let mut positions = self.mind().positions();
        positions.retain(|room, _| room.starts_with("project:"));
        positions
    }

    /// All rooms that it ever was in.
    pub fn known_rooms(&self) -> Vec<String> {
        self.mind().known_rooms()
    }

    /// Lives for ever.
    pub async fn live(self: Arc<Self>) {
        loop {
            let node = self.installation.some_gateway(&mut self.dice());
            if let Some(node) = node {
                self.visit(&node).await;
            }
            let pause = self.within(Duration::from_millis(500));
            sleep(pause).await;
        }
    }

    /// Stays at one gateway until the connection ends.
    async fn visit(&self, node: &GatewayNode) {
        let gateway = &node.what;
        let Ok(slot) = gateway.registry.try_reserve(1_000) else {
            return;
        };
        let identity = Identity {
            tenant: self.tenant.clone(),
            user: self.user.clone(),
            name: None,
            projects: Projects::All,
            roles: Box::default(),
            expires_ms: None,
            issued_ms: 0,
        };
        let admitted = Admitted {
            identity,
            rooms: self.wanted(),
            slot,
            client: std::net::Ipv4Addr::LOCALHOST.into(),
            visitor_token: None,
            report: Report::default(),
        };
        let dropped = self.orders.get().drop_connection;
        let connected = gateway.connect(admitted, Transport::WebSocket);
        let stays = self.within(self.habits.stays);
        let is_dropped = |orders: Orders| orders.drop_connection != dropped;
        let for_reason = |reason: &str| (None, reason.to_owned());
        let (code, reason) = tokio::select! {
            biased;
            () = node.condition.dead() => for_reason("the gateway died"),
            _ = self.orders.wait_for(is_dropped) => for_reason(DROPPED),
            () = self.goes_after(stays) => for_reason(DROPPED),
            close = self.read(&connected, node) => {
                (Some(close.code.code()), close.reason.into_owned())
            }
            () = self.act(&connected, node) => for_reason("no answer"),
        };
        drop(connected);
        self.mind().on_closed();
        self.note(ClientEvent::Closed { code, reason });
    }

    fn wanted(&self) -> Vec<Wanted> {
        let wanted = |(room, position): (String, Option<(String, u64)>)| Wanted {
            room: room.parse().unwrap(),
            position: position.map(|(epoch, seq)| format!("{epoch}:{seq}").parse().unwrap()),
        };
        let rooms = self.mind().rooms_to_name(&self.habits.rooms);
        rooms.into_iter().map(wanted).collect()
    }

    /// Goes of its own accord, unless all is to come to rest.
    async fn goes_after(&self, stays: Duration) {
        sleep(stays).await;
        if self.orders.get().be_quiet {
            std::future::pending().await
        }
    }

    /// Takes what comes until the gateway closes.
    async fn read(&self, connected: &Connected, node: &GatewayNode) -> Close {
        loop {
            if self.happens(self.habits.stops_reading) {
                let pause = self.within(Duration::from_secs(3));
                sleep(pause).await;
            }
            let batch = connected.next(BATCH).await;
            node.condition.awake().await;
            connected.note_heard();
            for frame in &batch.frames {
                self.on_frame(&serde_json::from_str(frame.json()).unwrap());
            }
            if let Some(close) = batch.close {
                return close;
            }
        }
    }

    fn on_frame(&self, frame: &Value) {
        self.mind().on_frame(frame);
        if let Some(event) = event_of(frame) {
            self.mind().on_event(&event, frame, Instant::now());
            self.note(event);
        }
    }

    /// Does one thing after the other, until an answer does not come.
    async fn act(&self, connected: &Connected, node: &GatewayNode) {
        let caller = Caller {
            identity: Arc::clone(&connected.identity()),
            client: std::net::Ipv4Addr::LOCALHOST.into(),
            connection: Some(Arc::clone(connected.connection())),
        };
        let _ = timeout(PATIENCE, connected.joined_first_rooms()).await;
        loop {
            let action = self.next_action().await;
            node.condition.awake().await;
            let frame = read_frame(action.to_string().as_bytes(), DEPTH).unwrap();
            let answer = timeout(PATIENCE, perform(&node.what, &caller, frame)).await;
            let Ok(answer) = answer else {
                return;
            };
            let answer = match answer {
                Ok(json) => OutFrame::answer(Event::Ack, json),
                Err(Rejected { id, error }) => {
                    OutFrame::answer(Event::Error, frame::error(id.as_ref(), &error))
                }
            };
            connected.outbox.push(&answer);
        }
    }

    /// What it does next, when it is time.
    async fn next_action(&self) -> Value {
        loop {
            let is_quiet = self.orders.get().be_quiet;
            let pause = self.within(self.habits.pace);
            sleep(pause).await;
            let (action, sent) =
                self.mind()
                    .next_action(&self.habits, is_quiet, Instant::now(), &mut self.dice());
            if let Some(sent) = sent {
                self.note(sent);
            }
            if let Some(action) = action {
                return action;
            }
        }
    }

    fn note(&self, event: ClientEvent) {
        self.installation.history.client(self.number, event);
    }

    fn within(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.dice().random())
    }

    fn happens(&self, chance: f64) -> bool {
        self.dice().random_bool(chance)
    }

    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }

    fn dice(&self) -> MutexGuard<'_, StdRng> {
        self.dice.lock().unwrap()
    }
}
