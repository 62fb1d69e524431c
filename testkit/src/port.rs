//! Free ports on loopback for servers that cannot be told "any".

use std::env::temp_dir;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use nix::unistd::getuid;

/// Below the range from which the system takes ports for outgoing connections:
/// a server that restarts must find its port as it left it.
const RANGE: std::ops::Range<u16> = 10_000..20_000;

/// What says that ports are ours, until this process ends.
static OURS: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 that is free now, and with it those so far `above` it.
///
/// No other process is given them by this function, nor this one again, though
/// the caller's server binds later, and is stopped and started. A stranger may
/// take one meanwhile.
pub fn free(above: &[u16]) -> u16 {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let span = u64::from(RANGE.end - RANGE.start);
    for attempt in 0..1_000_u32 {
        // Each RandomState has keys of its own, so processes do not walk in step.
        let offset = RandomState::new().hash_one(attempt) % span;
        let port = RANGE.start + u16::try_from(offset).expect("the range fits u16");
        let ports = [0].iter().chain(above).map(|distance| port + distance);
        if ports.clone().all(is_free)
            && let Some(locks) = ports.map(lock).collect::<Option<Vec<_>>>()
        {
            let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
            ours.extend(locks);
            return port;
        }
    }
    panic!(
        "no free port on 127.0.0.1 between {} and {}",
        RANGE.start, RANGE.end
    );
}

/// None if somebody has it.
fn lock(port: u16) -> Option<File> {
    let folder = temp_dir().join(format!("causerie-ports-{}", getuid()));
    fs::create_dir_all(&folder).ok()?;
    let file = File::create(folder.join(port.to_string())).ok()?;
    file.try_lock().is_ok().then_some(file)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_is_given_what_somebody_has() {
        let given: BTreeSet<_> = (0..500).map(|_| free(&[])).collect();
        assert_eq!(given.len(), 500);
        assert!(given.iter().all(|port| lock(*port).is_none()));
    }
}
