//! How many files, sockets among them, this process may have open.

use crate::config::{Loader, Settings};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a node opens beside its clients' connections: to Redis, to the AI, and
/// its own.
const BESIDE_CLIENTS: u64 = 256;

/// Raises the limit as far as that needs no rights, and returns it. Systems set
/// it low for the sake of programs that use `select`, which none of ours does.
pub fn raise_open_files() -> u64 {
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return u64::MAX;
    };
    match setrlimit(Resource::RLIMIT_NOFILE, most, most) {
        Ok(()) => most,
        // As where "most" is infinite, and the system allows less after all.
        Err(_) => now,
    }
}

/// Raises the limit, and says so where that is not enough for the clients that somebody asked
/// for. Nobody asked for the default, and few need it.
pub(super) fn warning(loader: &Loader, settings: &Settings) -> Option<String> {
    let open_files = raise_open_files();
    let clients = settings.websocket.max_connections;
    let is_asked_for = loader
        .changes(settings)
        .contains_key("websocket.max_connections");
    let is_met = !loader.program().has_clients() || !are_too_few(open_files, clients);
    (is_asked_for && !is_met).then(|| {
        format!(
            "only {open_files} files may be open, fewer than websocket.max_connections \
             ({clients}) needs: lower it, or raise the system's limit (ulimit -Hn; LimitNOFILE \
             of systemd)"
        )
    })
}

/// Whether so many open files are too few for so many clients.
fn are_too_few(open_files: u64, clients: usize) -> bool {
    open_files < (clients as u64).saturating_add(BESIDE_CLIENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_what_is_allowed() {
        let raised = raise_open_files();
        let (now, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(now, raised);
        assert_eq!(raise_open_files(), raised);
    }

    #[test]
    fn files_are_needed_beside_those_of_clients() {
        assert!(are_too_few(1_024, 1_000));
        assert!(!are_too_few(1_024, 500));
    }
}
