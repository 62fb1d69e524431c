//! IP addresses that are reachable from everywhere: they may be a client's. Of each
//! the network stays, 24 bits of IPv4 and 48 of IPv6: enough to see where trouble
//! comes from. Those of this machine and of private networks stay whole.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::text::{before, byte, is_fraction, is_word, number_ends, run};
use super::{Found, Kind};

/// The address that begins at `start`, a digit. Those of IPv6 begin with 2 or 3, where
/// they are public and no IPv4 address in disguise.
pub(super) fn find(line: &[u8], start: usize) -> Option<Found> {
    v4(line, start).or_else(|| v6(line, start))
}

fn v4(line: &[u8], start: usize) -> Option<Found> {
    // Cheaply, since most numbers are none.
    if !(start + 1..=start + 3).any(|at| byte(line, at) == b'.') || is_fraction(line, start) {
        return None;
    }
    let end = run(line, start, |byte| byte.is_ascii_digit() || byte == b'.');
    // A sentence may end after it.
    let end = if before(line, end) == b'.' {
        end - 1
    } else {
        end
    };
    let address: Ipv4Addr = std::str::from_utf8(line.get(start..end)?)
        .ok()?
        .parse()
        .ok()?;
    let [a, b, c, _] = address.octets();
    let found = Found::new(start, end, Kind::V4([a, b, c]));
    (number_ends(line, end) && !is_local(address)).then_some(found)
}

fn is_local(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
}

fn v6(line: &[u8], start: usize) -> Option<Found> {
    let group = run(line, start, |byte| byte.is_ascii_hexdigit());
    let is_public = matches!(byte(line, start), b'2' | b'3');
    let looks_so = is_public && group <= start + 4 && byte(line, group) == b':';
    if !looks_so || is_inside(line, start) {
        return None;
    }
    // The longest has 39 characters.
    let near = line.get(..start + 41).unwrap_or(line);
    let end = run(near, group, |byte| byte.is_ascii_hexdigit() || byte == b':');
    let text = std::str::from_utf8(line.get(start..end)?).ok()?;
    let (address, end) = match text.parse::<Ipv6Addr>() {
        Ok(address) => (address, end),
        Err(_) => address_before_colon(text).map(|(address, len)| (address, start + len))?,
    };
    let [a, b, c, ..] = address.segments();
    let found = Found::new(start, end, Kind::V6([a, b, c]));
    number_ends(line, end).then_some(found)
}

/// The longest address that `text` begins with and that a colon follows: what stands behind that
/// may look as if it were a part of it, as the `c` of `:connections` does.
fn address_before_colon(text: &str) -> Option<(Ipv6Addr, usize)> {
    let colons = text.rmatch_indices(':').map(|(at, _)| at);
    let mut addresses = colons.filter_map(|at| Some((text.get(..at)?.parse().ok()?, at)));
    addresses.next()
}

/// Whether the group at `start` is not an address's first.
fn is_inside(line: &[u8], start: usize) -> bool {
    if before(line, start) != b':' {
        return false;
    }
    let earlier = line.get(..start - 1).unwrap_or_default();
    let word = earlier.iter().rev().take_while(|byte| is_word(**byte));
    let (mut len, mut is_hex) = (0, true);
    for byte in word.take(5) {
        len += 1;
        is_hex &= byte.is_ascii_hexdigit();
    }
    is_hex && (1..=4).contains(&len) || before(line, start - 1) == b':'
}
