//! Floors: the least that a server can do which gives what one client says to
//! many. No rate, limit, log, number, right or recovery; nothing that would make
//! them slower than they must be, for a ratio to a slow floor says nothing.
//!
//! - [`crowd`]: who is connected, in which room, and the loop of `send(2)`
//! - [`websocket`]: the handshake, and frames
//! - [`resp`]: as much of Redis's protocol as a relay needs
//! - [`cost`]: what a send costs, printed each second

pub mod cost;
pub mod crowd;
pub mod resp;
pub mod websocket;

use anyhow::Context;

/// The port given on the command line at this place.
///
/// # Errors
/// If there is none.
pub fn argument(place: usize) -> anyhow::Result<u16> {
    let given = std::env::args().nth(place);
    let given = given.with_context(|| format!("argument {place} is missing: a port"))?;
    given
        .parse()
        .with_context(|| format!("argument {place}, \"{given}\", is no port"))
}
