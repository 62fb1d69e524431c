//! One walk over a line, that looks closer only where something may begin.

use super::named::Place;
use super::text::{after_colour, after_escape, before, byte, is_word, run};
use super::{Found, Kind, address, card, email, iban, named, phone, token, url};

pub(super) struct Scan<'a> {
    line: &'a [u8],
    at: usize,
    /// What is found begins here at the earliest: what lies before is masked, or
    /// an escape.
    floor: usize,
    is_json: bool,
    /// Between quotes, in JSON.
    in_string: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        let line = line.as_bytes();
        Self {
            line,
            at: 0,
            floor: 0,
            is_json: byte(line, 0) == b'{',
            in_string: false,
        }
    }

    fn look(&mut self) -> Option<Found> {
        let (line, at) = (self.line, self.at);
        self.at += 1;
        match byte(line, at) {
            b'0'..=b'9' => {
                self.end_word(at);
                address::find(line, at)
                    .or_else(|| card::find(line, at))
                    .or_else(|| phone::national(line, at))
            }
            b'A'..=b'Z' | b'a'..=b'z' => {
                self.end_word(at);
                token::find(line, at).or_else(|| iban::find(line, at))
            }
            b'_' => {
                self.end_word(at);
                None
            }
            b'@' => email::find(line, at, self.floor),
            b'+' => phone::international(line, at, self.floor),
            b'-' => token::private_key(line, at),
            b':' | b'=' => {
                let place = self.place();
                url::find(line, at).or_else(|| named::find(line, at, place))
            }
            b'"' => {
                self.in_string = !self.in_string;
                None
            }
            b'\\' => {
                self.pass(after_escape(line, at));
                None
            }
            0x1b => {
                self.pass(after_colour(line, at).max(self.at));
                None
            }
            _ => None,
        }
    }

    const fn place(&self) -> Place {
        match (self.is_json, self.in_string) {
            (false, _) => Place::Line,
            (true, true) => Place::String,
            (true, false) => Place::Value,
        }
    }

    /// Words are looked at where they begin.
    fn end_word(&mut self, at: usize) {
        self.at = run(self.line, at, is_word);
    }

    fn pass(&mut self, end: usize) {
        self.at = end;
        self.floor = end;
    }
}

impl Iterator for Scan<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        while self.at < self.line.len() {
            if let Some(mut found) = self.look() {
                if self.place() == Place::Value {
                    found.is_number = found.kind == Kind::Card;
                    // Its quote was passed with its name.
                    self.in_string = before(self.line, found.start) == b'"';
                }
                self.pass(found.end);
                return Some(found);
            }
        }
        None
    }
}
