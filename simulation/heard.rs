//! What a node hears: late, not at all, twice, or after what followed it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::feed::{Feed, Heard};
use causerie_shared::bus::reply::Wake;
use causerie_shared::bus::subscription::Ear;
use causerie_shared::record::Class;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::condition::{Condition, State};

/// How long a record may be overtaken for, or come again after.
const BEHIND: Duration = Duration::from_millis(700);

/// Half of all hints are lost: what must be found without them is.
const WAKES_LOST: f64 = 0.5;

/// Records on their way to one node.
struct Way {
    condition: Arc<Condition>,
    feed: Feed,
    /// By when they arrive, and in which order they were sent.
    under_way: BTreeMap<(Instant, u64), Heard>,
    sent: u64,
    last: Instant,
}

/// Lets what is heard of `all` pass through the network to `ear`, before which so
/// many records may wait.
pub fn records(
    condition: Arc<Condition>,
    all: mpsc::Receiver<Heard>,
    buffer: usize,
    ear: Arc<dyn Ear>,
) {
    let (feed, mut heard) = Feed::new(buffer);
    let way = Way {
        condition,
        feed,
        under_way: BTreeMap::new(),
        sent: 0,
        last: Instant::now(),
    };
    tokio::spawn(way.run(all));
    tokio::spawn(async move {
        while let Some(heard) = heard.recv().await {
            match heard {
                Heard::Record { room, record } => ear.on_record(room, record),
                Heard::Gap => ear.on_gap(),
            }
        }
    });
}

impl Way {
    async fn run(mut self, mut all: mpsc::Receiver<Heard>) {
        let mut state = State::Up;
        loop {
            let arrives = self.under_way.first_key_value();
            let arrives = arrives
                .map(|((at, _), _)| *at)
                .filter(|_| state != State::Frozen);
            tokio::select! {
                biased;
                now = self.condition.changed(state) => {
                    if now == State::Dead {
                        return;
                    }
                    if state == State::Cut {
                        // The connection is there again, and the node knows
                        // that it was not.
                        self.feed.hear(Heard::Gap);
                    }
                    if matches!(now, State::Cut | State::Deaf) {
                        self.under_way.clear();
                    }
                    state = now;
                }
                () = until(arrives) => {
                    if let Some((_, heard)) = self.under_way.pop_first() {
                        self.feed.hear(heard);
                    }
                }
                heard = all.recv() => match heard {
                    Some(heard) if matches!(state, State::Up | State::Frozen) => self.send(heard),
                    Some(_) => {}
                    None => return,
                },
            }
        }
    }

    fn send(&mut self, heard: Heard) {
        let weather = self.condition.weather();
        let chance = |chance| self.condition.happens(chance);
        let (lost, overtaken, doubled) = (
            chance(weather.loses),
            chance(weather.overtaken),
            chance(weather.doubles),
        );
        if lost {
            return;
        }
        // One connection keeps its order.
        self.last = self.last.max(Instant::now() + self.condition.way());
        // Of what is transient nothing tells the order.
        let has_place = match &heard {
            Heard::Record { record, .. } => record.header.class != Class::Transient,
            Heard::Gap => false,
        };
        let behind = || self.last + self.condition.within(BEHIND);
        let again = (doubled && has_place).then(behind);
        let at = if overtaken && has_place {
            behind()
        } else {
            self.last
        };
        for at in again.into_iter().chain([at]) {
            self.sent += 1;
            self.under_way.insert((at, self.sent), heard.clone());
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Lets hints pass through the network.
pub fn wakes(condition: Arc<Condition>, mut all: mpsc::Receiver<Wake>) -> mpsc::Receiver<Wake> {
    let (sender, wakes) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(wake) = all.recv().await {
            if condition.state() != State::Up || condition.happens(WAKES_LOST) {
                continue;
            }
            sleep(condition.way()).await;
            let _ = sender.try_send(wake);
        }
    });
    wakes
}
