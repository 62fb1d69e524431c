//! Who is compared.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

/// The tenant that Causerie is measured with.
pub const TENANT: &str = "load";
/// Its tokens' secret.
pub const SECRET: &str = "a-secret-that-nobody-guesses-of-32-characters";

/// One of those that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Contender {
    /// `bare-send` or, over Redis, `bare-relay`, of `loadtest/limits`.
    Floor,
    /// `causerie` or, over Redis, gateways.
    Causerie,
    /// The same, by clients who have it compress what it sends.
    Compressed,
    /// Socket.IO 4, of `loadtest/peers/socketio`.
    #[value(name = "socketio")]
    SocketIo,
    /// Sockudo 5, of `loadtest/peers/sockudo`.
    Sockudo,
}

impl Contender {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Floor,
        Self::Causerie,
        Self::Compressed,
        Self::SocketIo,
        Self::Sockudo,
    ];

    /// What it is called on the command line and in the names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Causerie => "causerie",
            Self::Compressed => "compressed",
            Self::SocketIo => "socketio",
            Self::Sockudo => "sockudo",
        }
    }

    /// What the way that it is spoken to is called on the command line.
    pub(crate) fn dialect(self) -> &'static str {
        match self {
            Self::Compressed => Self::Causerie.name(),
            Self::Floor | Self::Causerie | Self::SocketIo | Self::Sockudo => self.name(),
        }
    }

    /// Whether it has to: what somebody says on one node is heard in that order on
    /// another. Sockudo 5.2 was seen to change it where messages came at once,
    /// Socket.IO 4.8 where more came than it could bear.
    pub fn keeps_order(self) -> bool {
        match self {
            Self::Floor | Self::Causerie | Self::Compressed => true,
            Self::SocketIo | Self::Sockudo => false,
        }
    }

    /// The script that becomes a node of it; none for those of this workspace.
    pub(crate) fn node_script(self) -> Option<PathBuf> {
        let (folder, _) = self.peer()?;
        Some(peers().join(folder).join("node"))
    }

    /// The command that gets it, where it is not there.
    pub fn missing(self) -> Option<String> {
        let (folder, program) = self.peer()?;
        let is_there = tools().join(folder).join(program).is_file();
        (!is_there).then(|| format!("loadtest/peers/{folder}/install"))
    }

    /// Its folder among the peers and the tools, and what stands there once it is
    /// installed.
    fn peer(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Floor | Self::Causerie | Self::Compressed => None,
            Self::SocketIo => Some(("socketio", "node_modules/socket.io/package.json")),
            Self::Sockudo => Some(("sockudo", "bin/sockudo")),
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Floor => "floor",
            Self::Causerie => "Causerie",
            Self::Compressed => "Causerie, compressed",
            Self::SocketIo => "Socket.IO",
            Self::Sockudo => "Sockudo",
        })
    }
}

/// In the order of a round: each begins with another one, since the machine is never
/// the same for the first and for the last.
pub fn in_turn(contenders: &[Contender], round: u32) -> impl Iterator<Item = Contender> {
    let count = contenders.len();
    let first = round.saturating_sub(1) as usize % count.max(1);
    contenders.iter().copied().cycle().skip(first).take(count)
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// As `deploy/tools.sh` has it.
fn tools() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    target.join("tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_begins_with_another() {
        let all = [Contender::Floor, Contender::Causerie, Contender::Sockudo];
        let [floor, causerie, sockudo] = all;
        let of = |round| in_turn(&all, round).collect::<Vec<_>>();
        assert_eq!(of(1), [floor, causerie, sockudo]);
        assert_eq!(of(2), [causerie, sockudo, floor]);
        assert_eq!(of(3), [sockudo, floor, causerie]);
        assert_eq!(of(4), of(1));
        assert_eq!(in_turn(&[], 1).count(), 0);
    }
}
