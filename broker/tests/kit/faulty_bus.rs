//! A bus that can be taken away from one broker.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causerie_shared::bus::reply::{Appended, Delta, Ending, Finished, Lease, Wake};
use causerie_shared::bus::{Bus, BusError};
use causerie_testkit::bus_before_another;
use tokio::sync::{mpsc, watch};

/// What happens to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// They wait until the fault is over: to this broker the world stands still.
    Hang,
    /// They fail, half of them after they were carried out.
    Fail,
    /// They are answered, but deltas are lost, as by a storage that lost its
    /// tail.
    Forget,
    /// Each delta is taken so late.
    Lag(Duration),
}

/// Another bus, seen through a connection that can break.
#[derive(Debug)]
pub struct FaultyBus {
    bus: Connection,
}

#[derive(Debug)]
struct Connection {
    bus: Arc<dyn Bus>,
    fault: watch::Sender<Fault>,
    dead_letters: Mutex<Vec<String>>,
}

bus_before_another!(FaultyBus);

impl FaultyBus {
    pub fn new(bus: Arc<dyn Bus>) -> Arc<Self> {
        let bus = Connection {
            bus,
            fault: watch::Sender::new(Fault::None),
            dead_letters: Mutex::default(),
        };
        Arc::new(Self { bus })
    }

    pub fn set(&self, fault: Fault) {
        self.bus.fault.send_replace(fault);
    }

    /// Why questions went to the dead letters through this connection.
    pub fn dead_letters(&self) -> Vec<String> {
        self.bus.dead_letters.lock().unwrap().clone()
    }

    async fn pass<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        let mut fault = self.bus.fault.subscribe();
        let now = *fault.borrow();
        match now {
            Fault::None | Fault::Forget | Fault::Lag(_) => call().await,
            Fault::Hang => {
                let _ = fault.wait_for(|fault| *fault != Fault::Hang).await;
                call().await
            }
            Fault::Fail => {
                if rand::random() {
                    call().await?;
                }
                Err(BusError::Unavailable("cut off by the test".to_owned()))
            }
        }
    }
}

impl Connection {
    /// Hints never come through it: what must be found without them is found
    /// without them.
    fn wakes(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        mpsc::channel(buffer).1
    }

    async fn append(&self, lease: &Lease, delta: &Delta) -> Result<Appended, BusError> {
        let fault = *self.fault.borrow();
        match fault {
            Fault::Forget => return Ok(Appended::Done { cancelled: false }),
            Fault::Lag(lag) => tokio::time::sleep(lag).await,
            Fault::None | Fault::Hang | Fault::Fail => {}
        }
        self.bus.append(lease, delta).await
    }

    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Finished, BusError> {
        let finished = self.bus.finish(lease, ending).await?;
        let dead_letter = ending.dead_letter.clone();
        self.dead_letters.lock().unwrap().extend(dead_letter);
        Ok(finished)
    }
}

impl Deref for Connection {
    type Target = dyn Bus;

    fn deref(&self) -> &(dyn Bus + 'static) {
        &*self.bus
    }
}
