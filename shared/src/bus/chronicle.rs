//! What nodes noted of themselves, entry by entry.

use std::fmt;
use std::str::FromStr;

/// The place of an entry in the chronicle; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChroniclePlace {
    /// When it was kept, in milliseconds since 1970 by the bus's clock.
    pub ms: u64,
    /// Among those of the same millisecond.
    pub seq: u64,
}

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place is two numbers with `-` between them")]
pub struct InvalidPlace;

impl fmt::Display for ChroniclePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for ChroniclePlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let number = |text: &str| text.parse().map_err(|_| InvalidPlace);
        let (ms, seq) = text.split_once('-').ok_or(InvalidPlace)?;
        Ok(Self {
            ms: number(ms)?,
            seq: number(seq)?,
        })
    }
}

/// Some of the chronicle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChroniclePage {
    /// The newest first.
    pub entries: Vec<(ChroniclePlace, String)>,
    /// Whether there are older ones.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_shown() {
        let place = ChroniclePlace { ms: 17, seq: 3 };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert!(place < ChroniclePlace { ms: 18, seq: 0 });
        for bad in ["", "-", "17", "17-", "17-x", "+", "17-3-1", "(17-3"] {
            assert_eq!(bad.parse::<ChroniclePlace>(), Err(InvalidPlace), "{bad}");
        }
    }
}
