//! Whether another server of the storage took over, which nobody planned.
//!
//! Sentinels and the nodes of a Redis Cluster decide on that themselves, at any
//! time. So the servers are asked all the while what they are and how far, and
//! what may be lost is told by when all of them had all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_testkit::resp::Resp;
use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::ledger::Pen;

/// How often the servers are asked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Who answers later counts as away.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Looks at the servers of a storage. Dropping it ends that.
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    looking: JoinHandle<()>,
}

/// A replica has become a master. Times are in microseconds since the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The replica's.
    pub port: u16,
    /// When it was seen.
    pub at: u64,
    /// What was stored before that all servers had.
    pub since: u64,
    /// When all servers had all again; none before that.
    pub until: Option<u64>,
}

/// What was seen of the servers.
#[derive(Debug, Default)]
struct Seen {
    /// How many servers there are.
    servers: usize,
    last: Look,
    /// What each was when it answered last.
    is_master: BTreeMap<u16, bool>,
    /// What was stored before that all servers had.
    in_step_at: u64,
    promotions: Vec<Promotion>,
    /// The ports of replicas that were to take over, and since when.
    planned: Vec<(u16, u64)>,
}

/// What those servers said that answered, by port.
#[derive(Debug, Default)]
struct Look {
    began: u64,
    ended: u64,
    servers: BTreeMap<u16, Server>,
}

/// What a server says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    is_master: bool,
    /// Names what it has stored, and its replicas with it: `master_replid`.
    history: String,
    /// How much of that it has.
    offset: u64,
}

impl Watch {
    /// Begins to look at the servers on these ports, by the ledger's clock.
    pub fn start(ports: Vec<u16>, pen: Pen) -> Self {
        let seen = Arc::new(Mutex::new(Seen {
            servers: ports.len(),
            ..Seen::default()
        }));
        let looking = tokio::spawn(look_on(ports, pen, Arc::clone(&seen)));
        Self { seen, looking }
    }

    /// What was stored before that all servers have, in microseconds since the run
    /// began.
    pub fn in_step_at(&self) -> u64 {
        self.lock().in_step_at
    }

    /// Since then the server at this port was to take over, once.
    pub fn plan(&self, port: u16, since: u64) {
        self.lock().planned.push((port, since));
    }

    /// Those that nobody planned, and after which all servers have all again.
    pub fn take_unplanned(&self) -> Vec<Promotion> {
        self.lock().take_unplanned()
    }

    /// Whether there are others.
    pub fn is_settled(&self) -> bool {
        self.lock().promotions.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look_on(ports: Vec<u16>, pen: Pen, seen: Arc<Mutex<Seen>>) {
    loop {
        let began = pen.now();
        let asked = ports.iter().map(|port| async {
            let server = timeout(ANSWERS_WITHIN, ask(*port)).await.ok()??;
            Some((*port, server))
        });
        let servers = join_all(asked).await.into_iter().flatten().collect();
        lock(&seen).take(Look {
            began,
            ended: pen.now(),
            servers,
        });
        sleep(LOOK_EVERY).await;
    }
}

async fn ask(port: u16) -> Option<Server> {
    let mut connection = Resp::connect(port).await.ok()?;
    let info = connection.command(&["INFO", "replication"]).await.ok()?;
    server(&info.text())
}

fn server(info: &str) -> Option<Server> {
    let field = |name| info.lines().find_map(|line| line.strip_prefix(name));
    Some(Server {
        is_master: field("role:")? == "master",
        history: field("master_replid:")?.to_owned(),
        offset: field("master_repl_offset:")?.parse().ok()?,
    })
}

impl Seen {
    fn take(&mut self, look: Look) {
        for (port, server) in &look.servers {
            let was_master = self.is_master.insert(*port, server.is_master);
            if server.is_master && was_master == Some(false) {
                self.promotions.push(Promotion {
                    port: *port,
                    at: look.began,
                    since: self.in_step_at,
                    until: None,
                });
            }
        }
        if self.are_in_step(&look) {
            self.in_step_at = self.last.began;
            for promotion in &mut self.promotions {
                if promotion.at <= self.last.began {
                    promotion.until.get_or_insert(look.ended);
                }
            }
        }
        self.last = look;
    }

    /// Whether all replicas now have what the masters had at the last look, and
    /// are the same ones' still.
    fn are_in_step(&self, now: &Look) -> bool {
        let all_answer = [now.servers.len(), self.last.servers.len()] == [self.servers; 2];
        let (masters, mut replicas) = now
            .servers
            .iter()
            .partition::<Vec<_>, _>(|(_, server)| server.is_master);
        let has_all = |replica: &Server| {
            masters.iter().any(|(port, master)| {
                let before = self.last.servers.get(port);
                let before = before.filter(|before| before.is_master);
                before.is_some_and(|before| {
                    [&before.history, &replica.history] == [&master.history; 2]
                        && before.offset <= replica.offset
                })
            })
        };
        // A master without replicas is one that has come back and knows of no other yet.
        let has_replica = |master: &Server| {
            let mut of_it = replicas.iter();
            of_it.any(|(_, replica)| replica.history == master.history)
        };
        let none_is_alone = masters.iter().all(|(_, master)| has_replica(master));
        all_answer && none_is_alone && replicas.iter_mut().all(|(_, replica)| has_all(replica))
    }

    fn take_unplanned(&mut self) -> Vec<Promotion> {
        let promotions = std::mem::take(&mut self.promotions);
        let (settled, open) = promotions
            .into_iter()
            .partition(|promotion| promotion.until.is_some());
        self.promotions = open;
        let planned = &mut self.planned;
        let is_unplanned = |promotion: &Promotion| {
            let mut at = planned.iter();
            let at = at.position(|(port, since)| *port == promotion.port && *since <= promotion.at);
            at.map(|at| planned.swap_remove(at)).is_none()
        };
        let mut settled: Vec<_> = settled;
        settled.retain(is_unplanned);
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look at so many seconds: of each server whether it is a master, of what
    /// history, and how far.
    fn look(second: u64, servers: &[(u16, bool, &str, u64)]) -> Look {
        let servers = servers.iter().map(|(port, is_master, history, offset)| {
            let server = Server {
                is_master: *is_master,
                history: (*history).to_owned(),
                offset: *offset,
            };
            (*port, server)
        });
        Look {
            began: second * 1_000_000,
            ended: second * 1_000_000 + 1,
            servers: servers.collect(),
        }
    }

    /// Of three servers, of which the second takes over.
    fn seen() -> Seen {
        let mut seen = Seen {
            servers: 3,
            ..Seen::default()
        };
        let first = |offset| {
            [
                (1, true, "a", offset),
                (2, false, "a", offset),
                (3, false, "a", 10),
            ]
        };
        seen.take(look(1, &first(10)));
        seen.take(look(2, &first(10)));
        // The third one lags.
        seen.take(look(3, &first(20)));
        seen.take(look(4, &first(20)));
        seen.take(look(5, &[(2, true, "b", 20), (3, false, "a", 10)]));
        seen
    }

    const SETTLED: [(u16, bool, &str, u64); 3] =
        [(1, false, "b", 21), (2, true, "b", 21), (3, false, "b", 21)];

    #[test]
    fn what_all_servers_had_before_a_promotion_is_safe() {
        let mut seen = seen();
        assert_eq!(seen.take_unplanned(), []);
        // One that has come back takes itself for the master.
        let back = [(1, true, "a", 30), (2, true, "b", 21), (3, false, "b", 21)];
        seen.take(look(6, &back));
        seen.take(look(7, &back));
        assert_eq!(seen.take_unplanned(), []);
        seen.take(look(8, &SETTLED));
        let promotion = Promotion {
            port: 2,
            at: 5_000_000,
            since: 2_000_000,
            // The old one took changes up to then.
            until: Some(8_000_001),
        };
        assert_eq!(seen.take_unplanned(), [promotion]);
        assert!(seen.promotions.is_empty());
    }

    #[test]
    fn a_promotion_that_was_planned_is_none_of_these_but_the_next_one_is() {
        let mut seen = seen();
        seen.planned.push((2, 4_000_000));
        seen.take(look(6, &SETTLED));
        seen.take(look(7, &SETTLED));
        assert_eq!(seen.take_unplanned(), []);
        let other = [(1, false, "c", 22), (2, false, "c", 22), (3, true, "c", 22)];
        let again = [(1, false, "d", 23), (2, true, "d", 23), (3, false, "d", 23)];
        for (second, servers) in [(8, other), (9, other), (10, again), (11, again)] {
            seen.take(look(second, &servers));
        }
        let ports = seen.take_unplanned();
        let ports: Vec<_> = ports.iter().map(|promotion| promotion.port).collect();
        assert_eq!(ports, [3, 2]);
    }

    #[test]
    fn a_server_says_what_it_is() {
        let info = "# Replication\r\nrole:slave\r\nmaster_port:1\r\n\
                    master_replid:abc\r\nmaster_repl_offset:42\r\n";
        let expected = Server {
            is_master: false,
            history: "abc".to_owned(),
            offset: 42,
        };
        assert_eq!(server(info), Some(expected));
        assert_eq!(server("# Server"), None);
    }
}
