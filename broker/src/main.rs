//! `causerie-broker`: answers the questions of a cluster.

use std::process::ExitCode;

use causerie_broker::Broker;
use causerie_shared::bus::connection;
use causerie_shared::cli::{App, Running};
use causerie_shared::config::Program;
use mimalloc::MiMalloc;

// What one thread allocates others free here, which glibc lets threads wait for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
        ..
    } = running;
    let config = settings.current().clone();
    let connecting = connection::connect(&config, &readiness);
    let Some(bus) = shutdown.run_until_cancelled(connecting).await else {
        return Ok(());
    };
    let bus = bus?;
    let broker = Broker::configured(bus.clone(), settings)?;
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
    Ok(())
}
