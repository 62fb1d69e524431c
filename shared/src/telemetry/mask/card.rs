//! Numbers of payment cards: 13 to 19 digits with the prefix of an issuer (ISO/IEC
//! 7812) and a good check digit (Luhn). The prefixes leave out 1, with which times
//! in milli-, micro- and nanoseconds begin.

use super::text::{before, byte, is_fraction, number_ends, says};
use super::{Found, Kind};

const MAX: usize = 19;

/// The number that begins at `start`, in one or with a space or hyphen between
/// groups: the longest that is one.
pub(super) fn find(line: &[u8], start: usize) -> Option<Found> {
    if !matches!(byte(line, start), b'2'..=b'6') || is_fraction(line, start) {
        return None;
    }
    let mut number = Number::default();
    let mut at = start;
    let mut end = None;
    loop {
        let next = byte(line, at);
        if next.is_ascii_digit() {
            if number.len == MAX {
                break;
            }
            number.push(next);
            at += 1;
            continue;
        }
        // A UUID's first group has eight digits, and a hyphen after them; a message
        // id's has two.
        if at - start < 4 || at - start == 8 && next == b'-' {
            break;
        }
        if number_ends(line, at) && number.is_card() {
            end = Some(at);
        }
        if !matches!(next, b' ' | b'-') || !byte(line, at + 1).is_ascii_digit() {
            break;
        }
        at += 1;
    }
    let end = end.filter(|_| !is_span_id(line, start))?;
    Some(Found::new(start, end, Kind::Card))
}

/// Of 16 digits from 0 to f, which may by chance look like a card's number.
fn is_span_id(line: &[u8], start: usize) -> bool {
    const NAME: &[u8] = b"\"span_id\":\"";
    before(line, start) == b'"' && says(line, start.wrapping_sub(NAME.len()), NAME)
}

#[derive(Default)]
struct Number {
    digits: [u8; MAX],
    len: usize,
}

impl Number {
    fn push(&mut self, digit: u8) {
        if let Some(place) = self.digits.get_mut(self.len) {
            *place = digit - b'0';
            self.len += 1;
        }
    }

    fn is_card(&self) -> bool {
        self.is_issued() && self.luhn()
    }

    /// Whether an issuer's numbers begin so, and are so long.
    fn is_issued(&self) -> bool {
        let prefix = |len| {
            let digits = self.digits.iter().take(len);
            digits.fold(0_u32, |number, digit| number * 10 + u32::from(*digit))
        };
        let len = self.len;
        match prefix(4) {
            4000..=4999 => matches!(len, 13 | 16 | 19),
            2221..=2720 | 5100..=5599 => len == 16,
            3400..=3499 | 3700..=3799 => len == 15,
            3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&len),
            3528..=3589 => (16..=19).contains(&len),
            5000..=5099 | 5600..=6999 => (13..=19).contains(&len),
            _ => false,
        }
    }

    /// ISO/IEC 7812-1, annex B.
    fn luhn(&self) -> bool {
        let digits = self.digits.iter().take(self.len).rev();
        let sum: u32 = digits
            .enumerate()
            .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
                (1, digit) if digit > 4 => digit * 2 - 9,
                (1, digit) => digit * 2,
                (_, digit) => digit,
            })
            .sum();
        sum.is_multiple_of(10)
    }
}
