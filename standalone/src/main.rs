//! `causerie`: gateway, broker and the in-memory bus in one process. No Redis,
//! no key, no set-up.

use std::process::ExitCode;
use std::sync::Arc;

use causerie_broker::Broker;
use causerie_gateway::{keys, node, token};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::cli::{App, Running};
use causerie_shared::config::Program;
use mimalloc::MiMalloc;

// What one thread allocates others free here, which glibc lets threads wait for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    App::new(Program::Standalone)
        .check_settings(node::check)
        .check_settings(|settings| {
            causerie_broker::check(settings)?;
            Ok(Vec::new())
        })
        .command(token::command(), token::execute)
        .command(keys::command(Program::Standalone), keys::in_configuration)
        .run(run)
}

async fn run(running: Running) -> anyhow::Result<()> {
    let retention = Retention::from(&**running.settings.current());
    let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(retention));
    let broker = Broker::configured(bus.clone(), running.settings.clone())?;
    let shutdown = running.shutdown.clone();
    // A gateway that cannot start must not leave a broker that nobody can ask.
    let gateway = async {
        let ended = node::run(running, bus).await;
        shutdown.cancel();
        ended
    };
    let (ended, ()) = tokio::join!(gateway, broker.run(shutdown.clone()));
    ended
}
