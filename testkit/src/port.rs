//! Free ports on loopback for servers that cannot be told "any".

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which the system takes ports for outgoing connections:
/// a server that restarts must find its port as it left it.
const RANGE: std::ops::Range<u16> = 10_000..20_000;

/// A port of 127.0.0.1 that is free now, and with it those so far `above` it.
///
/// Another process may take it before the caller does, so the caller tries
/// again with another one when its server cannot bind.
pub fn free(above: &[u16]) -> u16 {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let span = u64::from(RANGE.end - RANGE.start);
    for attempt in 0..1_000_u32 {
        // Each RandomState has keys of its own, so processes do not walk in step.
        let offset = RandomState::new().hash_one(attempt) % span;
        let port = RANGE.start + u16::try_from(offset).expect("the range fits u16");
        if is_free(port) && above.iter().all(|distance| is_free(port + distance)) {
            return port;
        }
    }
    panic!(
        "no free port on 127.0.0.1 between {} and {}",
        RANGE.start, RANGE.end
    );
}
