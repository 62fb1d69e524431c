//! Values that are secret by their name: `token=…`, `"password":"…"`, as fields of
//! a line, parameters of a URL, members of JSON and of Rust's debug texts.

use super::text::{after_colour, before, byte, run};
use super::token::looks_secret;
use super::{Found, Kind};

/// How names of secrets end, by their last letter.
const fn names(last: u8) -> &'static [&'static [u8]] {
    match last.to_ascii_lowercase() {
        b'n' => &[b"token", b"authorization"],
        b'd' => &[b"password", b"passwd"],
        b'e' => &[b"passphrase"],
        b't' => &[b"secret"],
        b'y' => &[b"api_key", b"api-key", b"apikey"],
        _ => &[],
    }
}

/// The value behind the `:` or `=` at `at`.
pub(super) fn find(line: &[u8], at: usize, place: Place) -> Option<Found> {
    if !is_named(line, at) {
        return None;
    }
    let (start, is_apart) = value(line, at + 1);
    let quote = run(line, start, |byte| byte == b'\\');
    let backslashes = quote - start;
    if byte(line, quote) == b'"' && place.opens(backslashes) {
        let text = quote + 1;
        let end = closing(line, text, backslashes);
        let is_number = line.get(text..end)?.iter().all(u8::is_ascii_digit);
        return (!is_number).then_some(Found::new(text, end, Kind::Secret));
    }
    let end = run(line, start, |byte| !ends(byte));
    let is_secret = place != Place::Value && is_secret(line.get(start..end)?, is_apart);
    is_secret.then_some(Found::new(start, end, Kind::Secret))
}

/// Where a `:` or `=` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a line that is no JSON.
    Line,
    /// In a string of JSON.
    String,
    /// Between JSON's strings: what follows is a value of its own.
    Value,
}

impl Place {
    /// Whether a quote with so many backslashes before it begins a text here.
    const fn opens(self, backslashes: usize) -> bool {
        match self {
            Self::Line => true,
            // Without one it ends the string.
            Self::String => backslashes % 2 == 1,
            Self::Value => backslashes == 0,
        }
    }
}

/// Whether what stands before `at` is the name of a secret.
fn is_named(line: &[u8], at: usize) -> bool {
    let end = end_of_name(line, at);
    let word = line.get(..end).unwrap_or_default();
    names(before(line, end)).iter().any(|name| {
        let tail = word.len().checked_sub(name.len());
        let tail = tail.and_then(|start| word.get(start..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(name))
    })
}

/// Where the name ends that stands before `at`, with quotes and colours in between.
fn end_of_name(line: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        match before(line, end) {
            b'"' | b'\\' | b'\'' => end -= 1,
            b'm' => match colour_before(line, end) {
                Some(start) => end = start,
                None => return end,
            },
            _ => return end,
        }
    }
}

/// Where the terminal's escape sequence, a short one, begins that ends at `end`.
fn colour_before(line: &[u8], end: usize) -> Option<usize> {
    let starts = (end.saturating_sub(8)..end).rev();
    let start = starts.into_iter().find(|at| byte(line, *at) == 0x1b)?;
    (after_colour(line, start) == end).then_some(start)
}

/// Where the value that follows `at` begins, and whether a space stands before it.
fn value(line: &[u8], at: usize) -> (usize, bool) {
    let at = after_colour(line, at);
    let is_apart = byte(line, at) == b' ';
    let at = after_colour(line, at + usize::from(is_apart));
    let is_some = line
        .get(at..)
        .is_some_and(|rest| rest.starts_with(b"Some("));
    (if is_some { at + 5 } else { at }, is_apart)
}

/// Where the text that begins at `start` ends, whose quotes have so many
/// backslashes before them.
fn closing(line: &[u8], start: usize, backslashes: usize) -> usize {
    let mut at = start;
    loop {
        let slashes = run(line, at, |byte| byte != b'"' && byte != b'\\');
        let quote = run(line, slashes, |byte| byte == b'\\');
        if quote == line.len() {
            return quote;
        }
        let count = quote - slashes;
        if byte(line, quote) != b'"' {
            at = quote;
        } else if count.is_multiple_of(2) {
            // It ends what all of this stands in.
            return quote;
        } else if count % (2 * (backslashes + 1)) <= backslashes {
            // Those beyond are written in the text itself.
            return quote - backslashes.min(count);
        } else {
            at = quote + 1;
        }
    }
}

/// Numbers such as `3`, `250ms` and what means nothing are no secrets; behind a
/// space, where prose may follow, only what looks like one is.
fn is_secret(word: &[u8], is_apart: bool) -> bool {
    let is_nothing = matches!(word, b"" | b"None" | b"null" | b"true" | b"false");
    let is_number = byte(word, 0).is_ascii_digit() && word.len() < 8;
    let is_number = is_number || word.iter().all(u8::is_ascii_digit);
    !is_nothing && !is_number && (!is_apart || looks_secret(word))
}

const fn ends(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b'"' | b'\'' | b'\\' | b',' | b';' | b'&' | b'(' | b')'
        )
        || matches!(byte, b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'`' | 0x1b)
}
