//! `causerie-gateway`: the public side of a cluster.

use std::process::ExitCode;

use causerie_gateway::{keys, node, token};
use causerie_shared::bus::connection;
use causerie_shared::cli::{App, Running};
use causerie_shared::config::Program;
use mimalloc::MiMalloc;

// What one thread allocates others free here, which glibc lets threads wait for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    App::new(Program::Gateway)
        .check_settings(node::check)
        .check_redis(connection::check)
        .command(token::command(), token::execute)
        .async_command(keys::command(Program::Gateway), keys::in_redis)
        .run(run)
}

async fn run(running: Running) -> anyhow::Result<()> {
    let readiness = running.readiness.clone();
    let config = running.settings.current().clone();
    let connecting = connection::connect(&config, &readiness);
    let Some(bus) = running.shutdown.run_until_cancelled(connecting).await else {
        return Ok(());
    };
    let bus = bus?;
    tokio::select! {
        ended = node::run(running, bus.clone()) => ended,
        () = connection::watch(bus, readiness) => Ok(()),
    }
}
