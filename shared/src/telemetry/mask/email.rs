//! E-mail addresses: as people write them, not all that RFC 5322 allows.

use super::text::{byte, run};
use super::{Found, Kind};

/// The address around the `@` at `at`. Its host has a dot, so that `user:u1@k3f9a2bd:41`,
/// a position, is none.
pub(super) fn find(line: &[u8], at: usize, floor: usize) -> Option<Found> {
    let local = line.get(floor..at)?;
    let len = local.iter().rev().take_while(|byte| is_local(**byte));
    let start = at - len.count();
    let end = run(line, at + 1, is_host);
    let host = line.get(at + 1..end)?;
    let mut labels = host.split(|byte| *byte == b'.');
    labels.next().filter(|first| !first.is_empty())?;
    let is_name = |label: &[u8]| label.len() >= 2 && is_letter(byte(label, 0));
    if start == at || !labels.any(is_name) {
        return None;
    }
    let dots = host.iter().rev();
    let dots = dots.take_while(|byte| matches!(**byte, b'.' | b'-'));
    Some(Found::new(start, end - dots.count(), Kind::Email))
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || !byte.is_ascii()
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || !byte.is_ascii()
        || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'%' | b'~' | b'!' | b'#')
        || matches!(byte, b'$' | b'&' | b'*' | b'^' | b'\'')
}

const fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'.' | b'-')
}
