//! Whom a proxy names as its client: `Forwarded` (RFC 7239) and lists of
//! addresses, as `X-Forwarded-For` is one.
//!
//! Each proxy adds to the right of what it was sent, which may be anything. So
//! this is read from the right, and what stands to the left of where one stops
//! changes nothing, however malformed it is.

use std::net::{IpAddr, SocketAddr};

/// How a header names addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As RFC 7239 says: `for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"`.
    Forwarded,
    /// Addresses, perhaps with ports, with commas between them.
    List,
}

/// The addresses that the lines of one header name, from the right; `None` for
/// an element that names none, such as `for=unknown`. Empty elements are passed
/// over, as lists have them (RFC 9110, 5.6.1).
pub fn from_the_right<'a>(
    form: Form,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Option<IpAddr>> {
    lines
        .rev()
        .flat_map(move |line| Elements {
            form,
            rest: Some(line),
        })
        .filter(|element| !element.is_empty())
        .map(move |element| {
            let element = std::str::from_utf8(element).ok()?;
            match form {
                Form::Forwarded => node(&forwarded_for(element)?),
                Form::List => node(element),
            }
        })
}

/// The elements of one line, from the right, without the space around them.
struct Elements<'a> {
    form: Form,
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest.take()?;
        let comma = match self.form {
            Form::Forwarded => last_comma(line),
            Form::List => line.iter().rposition(|byte| *byte == b','),
        };
        let element = match comma.and_then(|comma| line.split_at_checked(comma)) {
            Some((rest, element)) => {
                self.rest = Some(rest);
                element.get(1..).unwrap_or_default()
            }
            None => line,
        };
        Some(element.trim_ascii())
    }
}

/// The last comma that stands in no quoted string.
fn last_comma(line: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        let before = line.get(..at).unwrap_or_default();
        match byte {
            b'"' if !is_escaped(before) => is_quoted = !is_quoted,
            b',' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether what follows `before` is escaped: by an odd number of backslashes.
fn is_escaped(before: &[u8]) -> bool {
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

/// The value of `for` in an element; `None` where it has none, or two.
fn forwarded_for(element: &str) -> Option<String> {
    let mut found = None;
    let mut rest = element;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        if name.trim().eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
        let after = after.trim_start();
        if after.is_empty() {
            return found;
        }
        rest = after.strip_prefix(';')?;
    }
}

/// The token or quoted string that `text` begins with, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (token, after) = text.split_at_checked(end)?;
        return Some((token.trim_end().to_owned(), after));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(char),
        }
    }
    None
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    let address = text.parse().ok().or_else(bracketed).or_else(with_port)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(form: Form, lines: &[&str]) -> Vec<String> {
        from_the_right(form, lines.iter().map(|line| line.as_bytes()))
            .map(|address| address.map_or_else(|| "-".into(), |address| address.to_string()))
            .collect()
    }

    #[test]
    fn a_list_is_read_from_the_right() {
        for (lines, expected) in [
            (&["192.0.2.1, 10.0.0.2"][..], &["10.0.0.2", "192.0.2.1"][..]),
            (
                &["192.0.2.1", "10.0.0.2,10.0.0.3"],
                &["10.0.0.3", "10.0.0.2", "192.0.2.1"],
            ),
            (
                &["192.0.2.1:4711 ,[2001:db8::1]:80"],
                &["2001:db8::1", "192.0.2.1"],
            ),
            (
                &["2001:db8::1,[2001:db8::2]"],
                &["2001:db8::2", "2001:db8::1"],
            ),
            (&["::ffff:192.0.2.1"], &["192.0.2.1"]),
            (&["unknown, , 10.0.0.2,"], &["10.0.0.2", "-"]),
            (&["\"192.0.2.1\", fe80::1%eth0"], &["-", "-"]),
            (&["", " , "], &[]),
        ] {
            assert_eq!(read(Form::List, lines), expected, "{lines:?}");
        }
    }

    /// The examples are those of RFC 7239.
    #[test]
    fn forwarded_is_read_from_the_right() {
        for (line, expected) in [
            ("for=\"_gazonk\"", &["-"][..]),
            ("For=\"[2001:db8:cafe::17]:4711\"", &["2001:db8:cafe::17"]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &["192.0.2.60"]),
            (
                "for=192.0.2.43, for=198.51.100.17",
                &["198.51.100.17", "192.0.2.43"],
            ),
            ("for=192.0.2.43,for=unknown", &["-", "192.0.2.43"]),
            ("by=10.0.0.1 ; for=\"192.0.2.43:80\"", &["192.0.2.43"]),
            ("for=\"19\\2.0.2.43\"", &["192.0.2.43"]),
            ("host=\"a,b;c\";for=192.0.2.43", &["192.0.2.43"]),
            ("host=\"a\\\",b\";for=192.0.2.43", &["192.0.2.43"]),
            ("for=192.0.2.1;for=192.0.2.2", &["-"]),
            ("proto=https", &["-"]),
            ("for", &["-"]),
            ("for=\"192.0.2.43\"x", &["-"]),
        ] {
            assert_eq!(read(Form::Forwarded, &[line]), expected, "{line}");
        }
    }

    /// A client that opens a quote does not swallow what the proxy adds.
    #[test]
    fn what_a_client_sends_cannot_hide_what_a_proxy_adds() {
        for forged in ["for=\"", "for=\"\\", "\"", "for=192.0.2.1;x=\"", ";;;=,\""] {
            let line = format!("{forged}, for=198.51.100.17");
            assert_eq!(
                read(Form::Forwarded, &[&line])[0],
                "198.51.100.17",
                "{line}"
            );
        }
    }

    fn written(address: IpAddr, port: Option<u16>) -> String {
        match port {
            Some(port) => SocketAddr::new(address, port).to_string(),
            None => address.to_string(),
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(lines: Vec<Vec<u8>>) {
            for form in [Form::Forwarded, Form::List] {
                let commas: usize = lines.iter().flatten().filter(|byte| **byte == b',').count();
                let read = from_the_right(form, lines.iter().map(Vec::as_slice)).count();
                prop_assert!(read <= commas + lines.len());
            }
        }

        #[test]
        fn the_last_proxy_is_heard_whatever_was_sent_before(
            forged in "[ -~]*", address: IpAddr, port: Option<u16>, is_line_of_its_own: bool,
        ) {
            let node = written(address, port);
            for (form, added) in [
                (Form::List, node.clone()),
                (Form::Forwarded, format!("for=\"{node}\";proto=https")),
            ] {
                let joined = format!("{forged}, {added}");
                let lines: &[&str] = if is_line_of_its_own {
                    &[&forged, &added]
                } else {
                    &[&joined]
                };
                // RFC 7239 has IPv6 in brackets; bare ones are understood as well.
                let last = from_the_right(form, lines.iter().map(|line| line.as_bytes())).next();
                prop_assert_eq!(last, Some(Some(address.to_canonical())));
            }
        }
    }
}
