//! Phone numbers: international (`+49 30 1234567`, `0049…`), national ones with the
//! leading zero that most of the world has, and those of North America. A bare
//! number that begins otherwise may be anything, and stays.

use super::text::{before, byte, digits, is_word, number_ends, run};
use super::{Found, Kind};

/// How many digits a number has at the most (ITU-T E.164).
const MAX: usize = 15;

/// The number that the `+` at `at` begins, unless a word goes on there.
pub(super) fn international(line: &[u8], at: usize, floor: usize) -> Option<Found> {
    let begins = matches!(byte(line, at + 1), b'1'..=b'9');
    if !begins || at > floor && is_word(before(line, at)) {
        return None;
    }
    let end = groups(line, at + 1, 7, MAX)?;
    Some(Found::new(at, end, Kind::Phone))
}

/// The number without a `+` that begins at `start`.
pub(super) fn national(line: &[u8], start: usize) -> Option<Found> {
    if continues(line, start) {
        return None;
    }
    let (first, second, third) = (
        byte(line, start),
        byte(line, start + 1),
        byte(line, start + 2),
    );
    let end = match (first, second, third) {
        (b'0', b'1'..=b'9', _) => groups(line, start, 9, MAX),
        (b'0', b'0', b'1'..=b'9') => groups(line, start, 10, MAX + 2),
        (b'2'..=b'9', _, _) => american(line, start),
        _ => None,
    }?;
    Some(Found::new(start, end, Kind::Phone))
}

/// Whether the number at `start` is a part of an id, a date or a time.
fn continues(line: &[u8], start: usize) -> bool {
    let earlier = before(line, start.wrapping_sub(1));
    match before(line, start) {
        b'-' | b'.' | b'~' => is_word(earlier),
        b'/' | b':' => earlier.is_ascii_digit(),
        _ => false,
    }
}

/// Groups of digits, up to `max` in all: where the last one ends, if there are
/// `min` or more.
fn groups(line: &[u8], start: usize, min: usize, max: usize) -> Option<usize> {
    let (mut count, mut at, mut end) = (0, start, None);
    loop {
        let next = digits(line, at);
        count += next - at;
        if count > max {
            return end;
        }
        if count >= min && number_ends(line, next) && !goes_on(line, next) {
            end = Some(next);
        }
        at = run(line, next, |byte| b" -./()".contains(&byte));
        if !(1..=2).contains(&(at - next)) || !byte(line, at).is_ascii_digit() {
            return end;
        }
    }
}

/// Whether an id goes on at `at`: `01901234-5678-7abc…` is no phone number.
fn goes_on(line: &[u8], at: usize) -> bool {
    matches!(byte(line, at), b'-' | b'~') && is_word(byte(line, at + 1))
}

/// `555-123-4567`, `(555) 123-4567`: area, exchange and number.
fn american(line: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    for len in [3, 3] {
        if digits(line, at) != at + len {
            return None;
        }
        at += len;
        at = match (byte(line, at), byte(line, at + 1)) {
            (b')', b' ') => at + 2,
            (b'-' | b'.' | b' ' | b')', _) => at + 1,
            _ => return None,
        };
    }
    let end = at + 4;
    let is_whole = digits(line, at) == end && number_ends(line, end) && !goes_on(line, end);
    is_whole.then_some(end)
}
