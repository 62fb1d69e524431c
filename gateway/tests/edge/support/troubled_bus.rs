//! The in-memory bus, of which something does not go as it should.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::order::{Order, OrderHeard};
use causerie_shared::bus::presence::{Attendance, Attended, HostLook, Hosts};
use causerie_shared::bus::{Bus, BusError, PROMPT, Retention};
use causerie_shared::ids::RunId;
use causerie_shared::record::Record;
use causerie_shared::room::{Partition, RoomKey};
use causerie_testkit::bus_before_another;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// A bus that can be troubled.
#[derive(Debug)]
pub(crate) struct TroubledBus {
    bus: Storage,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    /// Who is here is not told in this partition, and its hosts are not seen.
    pub(crate) silent: Option<Partition>,
    /// Nothing is taken back for now.
    pub(crate) sweeps_hang: bool,
    /// Gateways do not hear what users say to be, nor who is revoked, and are told that they
    /// missed something when that is over.
    pub(crate) loses_orders: bool,
    /// What is published is not confirmed, and comes late.
    pub(crate) is_late: bool,
    /// What is published takes long, and comes late once more.
    pub(crate) is_asked_twice: bool,
}

#[derive(Debug)]
struct Storage {
    bus: MemoryBus,
    trouble: watch::Sender<Trouble>,
    /// How often somebody was told in vain, and hosts were looked for.
    untold: AtomicUsize,
    unseen: watch::Sender<usize>,
    sweeps: watch::Sender<usize>,
    lost: watch::Sender<usize>,
    late: watch::Sender<Vec<(RoomKey, Record)>>,
}

bus_before_another!(TroubledBus);

impl TroubledBus {
    pub(crate) fn new() -> Arc<Self> {
        let bus = Storage {
            bus: MemoryBus::new(Retention::default()),
            trouble: watch::Sender::default(),
            untold: AtomicUsize::new(0),
            unseen: watch::Sender::new(0),
            sweeps: watch::Sender::new(0),
            lost: watch::Sender::new(0),
            late: watch::Sender::default(),
        };
        Arc::new(Self { bus })
    }

    pub(crate) fn set(&self, trouble: Trouble) {
        self.bus.trouble.send_replace(trouble);
    }

    /// How often it was told in vain who is here.
    pub(crate) fn untold(&self) -> usize {
        self.bus.untold.load(Ordering::Relaxed)
    }

    /// Waits until hosts were looked for in vain so often.
    pub(crate) async fn until_unseen(&self, times: usize) {
        let mut unseen = self.bus.unseen.subscribe();
        unseen.wait_for(|unseen| *unseen >= times).await.unwrap();
    }

    /// Waits until somebody begins to take something back.
    pub(crate) async fn until_swept(&self) {
        let mut sweeps = self.bus.sweeps.subscribe();
        sweeps.wait_for(|sweeps| *sweeps > 0).await.unwrap();
    }

    /// Waits until an order was lost.
    pub(crate) async fn until_lost(&self) {
        let mut lost = self.bus.lost.subscribe();
        lost.wait_for(|lost| *lost > 0).await.unwrap();
    }

    /// Waits until something is late.
    pub(crate) async fn until_late(&self) {
        let mut late = self.bus.late.subscribe();
        late.wait_for(|late| !late.is_empty()).await.unwrap();
    }

    /// Lets come what is late.
    pub(crate) async fn let_come(&self) {
        for (room, record) in self.bus.late.send_replace(Vec::new()) {
            self.bus.bus.publish(&room, &record).await.unwrap();
        }
    }

    async fn pass<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        call().await
    }
}

impl Storage {
    async fn attend(&self, told: &Attendance, announced: u32) -> Result<Attended, BusError> {
        if self.is_silent(told.room.partition()) {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return Err(silence());
        }
        self.bus.attend(told, announced).await
    }

    async fn hosts(&self, look: &HostLook) -> Result<Hosts, BusError> {
        if self.is_silent(look.partition) {
            self.unseen.send_modify(|unseen| *unseen += 1);
            return Err(silence());
        }
        self.bus.hosts(look).await
    }

    async fn sweep_host(
        &self,
        partition: Partition,
        host: RunId,
        announced: u32,
    ) -> Result<bool, BusError> {
        self.sweeps.send_modify(|sweeps| *sweeps += 1);
        let mut trouble = self.trouble.subscribe();
        let _ = trouble.wait_for(|trouble| !trouble.sweeps_hang).await;
        self.bus.sweep_host(partition, host, announced).await
    }

    async fn publish(&self, room: &RoomKey, record: &Record) -> Result<(), BusError> {
        let trouble = *self.trouble.borrow();
        if trouble.is_late || trouble.is_asked_twice {
            let late = (room.clone(), record.clone());
            self.late.send_modify(|all| all.push(late));
        }
        if trouble.is_late {
            return Err(silence());
        }
        if trouble.is_asked_twice {
            sleep(PROMPT).await;
        }
        self.bus.publish(room, record).await
    }

    fn orders(&self, buffer: usize) -> mpsc::Receiver<OrderHeard> {
        let (heard, orders) = mpsc::channel(buffer);
        let (mut told, mut trouble) = (self.bus.orders(buffer), self.trouble.subscribe());
        let lost = self.lost.clone();
        tokio::spawn(async move {
            let mut has_lost = false;
            loop {
                let next = tokio::select! {
                    Some(next) = told.recv() => next,
                    Ok(()) = trouble.changed() => {
                        let is_over = !trouble.borrow().loses_orders;
                        if !is_over || !std::mem::take(&mut has_lost) {
                            continue;
                        }
                        OrderHeard::Gap
                    }
                    else => return,
                };
                let is_lost = matches!(
                    next,
                    OrderHeard::Order(Order::Status { .. } | Order::Revoke(_))
                );
                if is_lost && trouble.borrow().loses_orders {
                    has_lost = true;
                    lost.send_modify(|lost| *lost += 1);
                } else if heard.send(next).await.is_err() {
                    return;
                }
            }
        });
        orders
    }

    fn is_silent(&self, partition: Partition) -> bool {
        self.trouble.borrow().silent == Some(partition)
    }
}

fn silence() -> BusError {
    BusError::Unavailable("it is silent".into())
}

impl Deref for Storage {
    type Target = MemoryBus;

    fn deref(&self) -> &MemoryBus {
        &self.bus
    }
}
