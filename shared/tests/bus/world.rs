//! What a case needs of an implementation, and the list of all cases.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::{Bus, Retention};

/// An installation of one implementation, of a test's own.
pub trait World: Sized {
    /// An empty installation that keeps as much as `retention` says.
    async fn new(retention: Retention) -> Self;

    /// One more node's view of it.
    async fn node(&self) -> Arc<dyn Bus>;
}

/// An installation whose storage is a program of its own, which can fail.
///
/// Nodes stay as they are meanwhile, and come back to it by themselves.
#[expect(dead_code, reason = "the bus in memory ends with its process")]
pub trait Storage: World {
    /// Ends the storage without warning and starts it again with all that it
    /// had confirmed.
    async fn restart(&mut self);

    /// Remembers all that is stored now.
    async fn mark(&mut self);

    /// Ends the storage without warning and starts it again with what it held
    /// at the mark: what came later is lost.
    async fn lose_since_mark(&mut self);
}

/// What every case must be done in.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs a case to its end.
pub async fn run(case: impl Future<Output = ()>) {
    let done = tokio::time::timeout(DEADLINE, case).await;
    done.expect("the case hangs");
}

/// Two nodes of a new installation, which is to be kept while they are used.
pub async fn two_nodes<W: World>(retention: Retention) -> (W, Arc<dyn Bus>, Arc<dyn Bus>) {
    let world = W::new(retention).await;
    let (here, there) = (world.node().await, world.node().await);
    (world, here, there)
}

/// Tries `attempt` until it gives something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut attempt: impl FnMut() -> F) -> T {
    let found = async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), found).await;
    found.expect("it did not happen in time")
}

/// Makes a test of every case, over one implementation.
#[macro_export]
macro_rules! conformance {
    ($world:ty) => {
        $crate::tests_of! { $world;
            accepting: a_message_is_stored_and_heard, an_id_is_stored_once;
        }
    };
}

/// Makes tests of the cases named.
#[macro_export]
macro_rules! tests_of {
    ($world:ty; $($module:ident: $($case:ident),+ $(,)?;)+) => {$(
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::world::run($crate::cases::$module::$case::<$world>()).await;
                }
            )+
        }
    )+};
}
