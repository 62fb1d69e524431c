//! Whether this machine can carry a run, and what to do where it cannot.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};

/// Sockets in this process for each person: its own, both of the door's proxy, and
/// one of those before them, which have not ended yet.
const FILES_OF_A_PERSON: u64 = 4;

/// Pipes and sockets of an installation that nobody talks to: its programs, and the
/// networks between them.
const FILES_OF_AN_INSTALLATION: u64 = 400;

/// The last address at which a node of an installation finds its servers.
const LAST_NODE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);

/// How long this machine may take to answer itself.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Looks whether so many people can talk in so many rounds at the same time.
///
/// # Errors
/// They cannot; what to do.
pub fn check(open_files: u64, people: usize, together: usize) -> anyhow::Result<()> {
    let each = FILES_OF_A_PERSON * people as u64 + FILES_OF_AN_INSTALLATION;
    let needed = each * together as u64;
    ensure!(
        needed <= open_files,
        "{people} people in {together} rounds at the same time need {needed} open files, and a \
         process may have {open_files} here: allow more (ulimit -n {needed}), or let fewer people \
         talk (--people), or in fewer rounds (--together)"
    );
    for address in [Ipv4Addr::LOCALHOST, LAST_NODE] {
        reach(address).with_context(|| {
            format!("no program can be reached at {address}: bring loopback up (ip link set lo up)")
        })?;
    }
    Ok(())
}

fn reach(address: Ipv4Addr) -> io::Result<()> {
    let listener = TcpListener::bind((address, 0))?;
    TcpStream::connect_timeout(&listener.local_addr()?, ANSWERS_WITHIN).map(drop)
}

/// What to do where a part failed that said so; nothing where nobody knows.
pub fn advice(says: &str) -> &'static str {
    if says.contains("Too many open files") {
        "\nAllow more of them (ulimit -n), or let fewer people talk (--people)"
    } else if says.contains("No space left") {
        "\nMake room on the disk, or name a folder on another one (--ledgers, TMPDIR)"
    } else if says.contains("redis-server") || says.contains("sentinel") {
        "\nSee whether that redis-server works; CAUSERIE_REDIS_SERVER names another one"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_counted_by_people_and_rounds() {
        let says = check(1_599, 100, 2).unwrap_err().to_string();
        assert!(says.contains("ulimit -n 1600"), "{says}");
        check(1_600, 100, 2).unwrap();
    }

    #[test]
    fn there_is_advice_for_what_is_known() {
        assert!(advice("listen: Too many open files (os error 24)").contains("ulimit"));
        assert!(advice("redis-server 1 ended").contains("CAUSERIE_REDIS_SERVER"));
        assert_eq!(advice("something else"), "");
    }
}
