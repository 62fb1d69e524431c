//! IBANs (ISO 13616): a country with the length of its numbers, and a good check
//! sum.

use super::text::{byte, is_word};
use super::{Found, Kind};

/// Countries and the lengths of their numbers, from SWIFT's registry.
const COUNTRIES: &[(usize, &str)] = &[
    (15, "NO"),
    (16, "BE BI"),
    (18, "DK FI FK FO GL NL SD"),
    (19, "MK SI"),
    (20, "AT BA EE KZ LT LU MN XK"),
    (21, "CH HR LI LV"),
    (22, "BG BH CR DE GB GE IE ME RS VA"),
    (23, "AE GI IL IQ OM SO TL"),
    (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
    (25, "LY PT ST"),
    (26, "IS TR"),
    (27, "BJ BF CI DJ FR GR IT MC MR SM SN"),
    (28, "AL AZ BY CY DO GT HN HU LB NI PL SV"),
    (29, "BR EG PS QA UA"),
    (30, "JO KW MU YE"),
    (31, "MT SC"),
    (32, "LC"),
    (33, "RU"),
];

/// The IBAN that begins at `start`, in one or with single spaces.
pub(super) fn find(line: &[u8], start: usize) -> Option<Found> {
    let country = [byte(line, start), byte(line, start + 1)];
    let checks = [byte(line, start + 2), byte(line, start + 3)];
    if !country.iter().all(u8::is_ascii_alphabetic) || !checks.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let len = length(country)?;
    let mut number = Vec::with_capacity(len);
    let mut at = start;
    while number.len() < len {
        match byte(line, at) {
            letter if letter.is_ascii_alphanumeric() => number.push(letter),
            b' ' if byte(line, at + 1).is_ascii_alphanumeric() => {}
            _ => return None,
        }
        at += 1;
    }
    // The short ones hold no more letters; ids of 16 hex digits do.
    let is_odd = len <= 16 && !number.iter().skip(2).all(u8::is_ascii_digit);
    let is_whole = !is_word(byte(line, at)) && is_checked(&number);
    (is_whole && !is_odd).then_some(Found::new(start, at, Kind::Iban))
}

fn length(country: [u8; 2]) -> Option<usize> {
    let is_it = |name: &str| name.as_bytes().eq_ignore_ascii_case(&country);
    let mut lengths = COUNTRIES.iter();
    lengths
        .find(|(_, names)| names.split(' ').any(is_it))
        .map(|(length, _)| *length)
}

/// ISO 7064, MOD 97-10: with the first four moved to the end, and letters as the
/// numbers from 10 on.
fn is_checked(number: &[u8]) -> bool {
    let moved = number.iter().cycle().skip(4).take(number.len());
    let rest = moved.fold(0, |rest, letter| {
        let value = char::from(*letter).to_digit(36).unwrap_or(0);
        let shift = if value < 10 { 10 } else { 100 };
        (rest * shift + value) % 97
    });
    rest == 1
}
