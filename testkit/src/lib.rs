//! What Causerie's tests are made of: real servers, real processes, real sockets.
//!
//! - [`redis`]: a private Redis server, which a test may pause, kill and cut short.
//! - [`redis_cluster`]: six of them as a Redis Cluster.
//! - [`replicated`]: three of them behind Redis Sentinels.
//! - [`storage`]: any of these.
//! - [`bus`]: a bus before another, of which a test makes what it needs.
//! - [`proxy`]: a bad network between a client and a server.
//! - [`process`]: our own programs as processes, on free ports.
//! - [`ai`]: servers that speak the AI providers' streaming formats, errors included.
//! - [`client`]: clients that speak the protocol over WebSocket, SSE and HTTP,
//!   and a raw socket for frames that no decent client sends.
//! - [`prometheus`]: scrapes what a test starts, and is asked about it.
//! - [`collector`]: takes traces by OTLP.
//! - [`certificates`]: certificates, and clients that trust them.
//! - [`cluster`]: all of it together, with tenants; [`token`] lets people in.
//!
//! A function that waits does so with a deadline, and says on failure what it
//! has seen instead.

// Tests only. A kit that cannot do what a test asks has to fail that test, at
// once and with a sentence; handing errors up would only hide where it broke.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

pub mod ai;
pub mod bus;
pub mod certificates;
pub mod child;
pub mod client;
pub mod cluster;
pub mod collector;
pub mod port;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod recorded;
pub mod redis;
pub mod redis_cluster;
pub mod replicated;
pub mod resp;
mod sentinel;
pub mod storage;
pub mod token;

use std::time::Duration;

/// How long the kit waits for an event before it fails the test. Long, because
/// a build machine may be busy; nothing ever waits this long when all is well.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The build folder, usually `target`.
///
/// # Panics
/// When the running program does not stand in one.
pub(crate) fn target_dir() -> std::path::PathBuf {
    profile_dir()
        .parent()
        .expect("a profile's folder stands in the build folder")
        .to_owned()
}

/// The folder of the profile that runs, usually `target/debug`: programs stand
/// in it, test executables in `deps` below it.
pub(crate) fn profile_dir() -> std::path::PathBuf {
    let program = std::env::current_exe().expect("a program knows its path");
    let folder = program.parent().expect("a program stands in a folder");
    if folder.ends_with("deps") || folder.ends_with("examples") {
        folder
            .parent()
            .expect("deps stands in a profile's folder")
            .to_owned()
    } else {
        folder.to_owned()
    }
}
