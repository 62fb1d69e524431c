//! Keys and tokens that can be told by how they begin.

use super::text::{before, byte, run, says};
use super::{Found, Kind};

/// How keys for services begin, by their first letter.
const fn keys(first: u8) -> &'static [&'static [u8]] {
    match first {
        b'c' => &[b"ck_"],
        b'A' => &[b"AKIA", b"ASIA", b"AIza"],
        b'g' => &[
            b"ghp_",
            b"gho_",
            b"ghu_",
            b"ghs_",
            b"ghr_",
            b"github_pat_",
            b"glpat-",
        ],
        b'h' => &[b"hf_"],
        b'n' => &[b"npm_"],
        b'p' => &[b"pk_"],
        b'r' => &[b"rk_"],
        b's' => &[b"sk-", b"sk_"],
        b'w' => &[b"whsec_"],
        b'x' => &[b"xoxb-", b"xoxp-", b"xoxa-", b"xapp-"],
        b'y' => &[b"ya29."],
        _ => &[],
    }
}

/// How long what follows is at least.
const KEY_LEN: usize = 16;

/// The key or token that begins with the word at `start`.
pub(super) fn find(line: &[u8], start: usize) -> Option<Found> {
    match byte(line, start) {
        b'e' => json_web_token(line, start),
        b'B' | b'b' => credentials(line, start),
        first => key(line, start, keys(first)),
    }
}

/// RFC 7519: its first part is an object of JSON, in base64.
fn json_web_token(line: &[u8], start: usize) -> Option<Found> {
    if !line.get(start..)?.starts_with(b"eyJ") {
        return None;
    }
    let end = token_end(line, start);
    (end >= start + KEY_LEN).then_some(Found::new(start, end, Kind::Secret))
}

fn key(line: &[u8], start: usize, prefixes: &[&[u8]]) -> Option<Found> {
    let rest = line.get(start..)?;
    let prefix = prefixes.iter().find(|prefix| rest.starts_with(prefix))?;
    let end = token_end(line, start);
    (end >= start + prefix.len() + KEY_LEN).then_some(Found::new(start, end, Kind::Secret))
}

/// `Bearer …`, `Basic …` (RFC 6750, 7617), `bearer.…` in a list of subprotocols.
fn credentials(line: &[u8], start: usize) -> Option<Found> {
    let scheme = [&b"bearer"[..], b"basic"];
    let scheme = scheme.iter().find(|name| says(line, start, name))?;
    let at = start + scheme.len();
    if !matches!(byte(line, at), b' ' | b'.') {
        return None;
    }
    let end = token_end(line, at + 1);
    looks_secret(line.get(at + 1..end)?).then_some(Found::new(at + 1, end, Kind::Secret))
}

/// Whether a word that stands where a secret may stand is none of a language.
pub(super) fn looks_secret(word: &[u8]) -> bool {
    word.len() >= 20 || word.len() >= 8 && word.iter().any(u8::is_ascii_digit)
}

/// `-----BEGIN … PRIVATE KEY-----` (RFC 7468), up to its end, or else to that of
/// the text in which it stands.
pub(super) fn private_key(line: &[u8], start: usize) -> Option<Found> {
    const END: &[u8] = b"-----END";
    if before(line, start) == b'-' || !says(line, start, b"-----BEGIN ") {
        return None;
    }
    let rest = line.get(start..)?;
    let first = rest.get(..64).unwrap_or(rest);
    if !first.windows(11).any(|words| words == b"PRIVATE KEY") {
        return None;
    }
    let text = rest.split(|byte| *byte == b'"').next()?;
    let end = text.windows(END.len()).position(|words| words == END);
    let end = end.map(|end| {
        let name = run(text, end + END.len(), |byte| {
            byte == b' ' || byte.is_ascii_uppercase()
        });
        run(text, name, |byte| byte == b'-')
    });
    let len = end.unwrap_or_else(|| text.trim_ascii_end().len());
    Some(Found::new(start, start + len, Kind::Secret))
}

/// Where a token that begins at `start` ends: what base64 and keys are made of,
/// without the dot that ends a sentence.
fn token_end(line: &[u8], start: usize) -> usize {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
    };
    let end = run(line, start, is_part);
    if end > start && before(line, end) == b'.' {
        end - 1
    } else {
        end
    }
}
