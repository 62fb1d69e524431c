//! Takes out of a finished line what tells of a person or opens a door: e-mail
//! addresses, phone numbers, payment cards, IBANs, the host part of public IP
//! addresses, keys and tokens. Whoever logs need not think of it.
//!
//! It knows such data by its form. What people write has none: it is kept out of
//! the log by not being logged. What is masked, and what is not, stands in
//! `docs/privacy.md`.

mod address;
mod card;
mod email;
mod iban;
mod named;
mod phone;
mod scan;
mod text;
mod token;
mod url;

use std::borrow::Cow;
use std::fmt::Write;

/// Masks what is personal or secret in a line, or in a value of a span. A line
/// without is given back as it came; JSON stays JSON.
pub fn mask(line: &str) -> Cow<'_, str> {
    let mut scan = scan::Scan::new(line);
    let Some(first) = scan.next() else {
        return Cow::Borrowed(line);
    };
    let mut masked = String::with_capacity(line.len());
    let mut copied = 0;
    for found in std::iter::once(first).chain(scan) {
        masked.push_str(line.get(copied..found.start).unwrap_or_default());
        found.write(&mut masked);
        copied = found.end;
    }
    masked.push_str(line.get(copied..).unwrap_or_default());
    Cow::Owned(masked)
}

/// What is to be masked: the bytes from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    start: usize,
    end: usize,
    kind: Kind,
    /// It is a bare number of JSON: what comes in its place is a string.
    is_number: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Email,
    Phone,
    Card,
    Iban,
    Secret,
    /// An IPv4 address, of which three bytes stay.
    V4([u8; 3]),
    /// An IPv6 address, of which the first 48 bits stay.
    V6([u16; 3]),
}

impl Found {
    const fn new(start: usize, end: usize, kind: Kind) -> Self {
        Self {
            start,
            end,
            kind,
            is_number: false,
        }
    }

    fn write(&self, out: &mut String) {
        let quote = if self.is_number { "\"" } else { "" };
        // To write to a string does not fail.
        let _ = match self.kind {
            Kind::Email => write!(out, "{quote}[e-mail]{quote}"),
            Kind::Phone => write!(out, "{quote}[phone]{quote}"),
            Kind::Card => write!(out, "{quote}[card]{quote}"),
            Kind::Iban => write!(out, "{quote}[iban]{quote}"),
            Kind::Secret => write!(out, "{quote}[secret]{quote}"),
            Kind::V4([a, b, c]) => write!(out, "{a}.{b}.{c}.x"),
            Kind::V6([a, b, c]) => write!(out, "{a:x}:{b:x}:{c:x}::x"),
        };
    }
}

#[cfg(test)]
mod tests;
