//! Places in a room's log.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Names one life of a room's log: 8–16 of `a-z 0-9`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS)]
#[ts(as = "String")]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9]{8,16}$"))]
pub struct Epoch(CompactString);

/// What is wrong with a text that should be a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a position is `{{epoch}}:{{seq}}`: 8–16 of a-z 0-9, a colon, and a number")]
pub struct InvalidPosition;

impl Epoch {
    /// A new epoch's name, from the operating system's random numbers.
    ///
    /// Never made inside Redis: Lua's `math.random` repeats after a restart.
    pub fn generate() -> Self {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut rng = rand::rng();
        let name = std::iter::repeat_with(|| rng.random_range(0..ALPHABET.len()))
            .filter_map(|at| ALPHABET.get(at).map(|&b| char::from(b)))
            .take(12)
            .collect();
        Self(name)
    }

    /// The epoch as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Epoch {
    type Err = InvalidPosition;
    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if (8..=16).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidPosition)
        }
    }
}

impl TryFrom<String> for Epoch {
    type Error = InvalidPosition;
    fn try_from(text: String) -> Result<Self, InvalidPosition> {
        text.parse()
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.0.into()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a room's log: everything up to and including `seq` is behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// The life of the log in which `seq` counts.
    pub epoch: Epoch,
    /// 1, 2, 3 …; 0 is before the first event.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;
    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (epoch, seq) = text.split_once(':').ok_or(InvalidPosition)?;
        let epoch = epoch.parse()?;
        // `u64::from_str` would take a leading `+`.
        if !seq.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidPosition);
        }
        let seq = seq.parse().map_err(|_| InvalidPosition)?;
        Ok(Self { epoch, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_as_they_are_written() {
        let text = "k3f9a2bd:41";
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        for bad in [
            "",
            "k3f9a2bd",
            "K3F9A2BD:1",
            "short:1",
            "k3f9a2bd:+1",
            "k3f9a2bd:-1",
            "k3f9a2bd:",
        ] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_new_epoch_is_a_valid_one() {
        let epoch = Epoch::generate();
        assert_eq!(epoch.as_str().parse::<Epoch>().unwrap(), epoch);
        assert_ne!(Epoch::generate(), Epoch::generate());
    }
}
