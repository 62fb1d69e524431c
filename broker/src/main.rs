//! `causerie-broker`: answers the questions of a cluster.

use std::process::ExitCode;
use std::time::Duration;

use causerie_broker::Broker;
use causerie_shared::bus::connection;
use causerie_shared::cli::{App, Running};
use causerie_shared::config::Program;
use causerie_shared::status::show;
use mimalloc::MiMalloc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

// What one thread allocates others free here, which glibc lets threads wait for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long it may take to tell that the broker ends.
const LAST_WORD: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    App::new(Program::Broker)
        .check_settings(|settings| {
            causerie_broker::check(settings)?;
            Ok(Vec::new())
        })
        .check_redis(connection::check)
        .run(run)
}

async fn run(running: Running) -> anyhow::Result<()> {
    let Running {
        settings,
        shutdown,
        readiness,
        pulse,
        ..
    } = running;
    let config = settings.current().clone();
    let connecting = connection::connect(&config, &readiness);
    let Some(bus) = shutdown.run_until_cancelled(connecting).await else {
        return Ok(());
    };
    let bus = bus?;
    let broker = Broker::configured(bus.clone(), settings)?;
    let every = config.status.interval;
    let over = CancellationToken::new();
    let showing = tokio::spawn(show(bus.clone(), pulse, every, over.clone()));
    readiness.ready("start");
    let drains = readiness.clone();
    tokio::select! {
        () = broker.run(shutdown.clone()) => {}
        () = connection::watch(bus, readiness) => {}
        () = async {
            shutdown.cancelled().await;
            drains.not_ready("drain", "the broker is draining");
            std::future::pending().await
        } => {}
    }
    over.cancel();
    // Others would notice its silence, a few seconds later and as a fault.
    let _ = timeout(LAST_WORD, showing).await;
    Ok(())
}
