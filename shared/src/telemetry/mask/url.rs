//! Credentials in URLs: `redis://user:password@host`.

use super::text::{byte, run, says};
use super::{Found, Kind};

/// What stands before the host of the URL whose `:` is at `at`.
pub(super) fn find(line: &[u8], at: usize) -> Option<Found> {
    if byte(line, at + 1) != b'/' || !says(line, at, b"://") {
        return None;
    }
    let start = at + 3;
    let ends = |byte: u8| byte.is_ascii_whitespace() || b"/?#\"\\'<>`\x1b".contains(&byte);
    let end = run(line, start, |byte| !ends(byte));
    let authority = line.get(start..end)?;
    let len = authority.iter().rposition(|byte| *byte == b'@')?;
    (len > 0).then_some(Found::new(start, start + len, Kind::Secret))
}
