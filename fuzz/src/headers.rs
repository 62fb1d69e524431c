//! Headers in which strangers write lists: `X-Forwarded-For` and its like (`l` before
//! it), `Forwarded` (`f`), and what a WebSocket's client offers (`o`). Each line of the
//! input is one of the header.

use std::net::{IpAddr, Ipv4Addr};

use causerie_gateway::address::forwarded::{Form, from_the_right};
use causerie_gateway::websocket::codec::negotiate;
use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};

use super::Reach;

/// What some input of the corpus comes to.
pub const REACHES: &[&str] = &[
    "address of a list",
    "address of `Forwarded`",
    "compression",
    "compression with a window",
    "no address",
    "no compression",
];

/// Whom the proxy before us names.
const ADDED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 17));

/// Whatever was sent before it, what a proxy adds is heard.
pub fn run(input: &[u8], reach: Reach<'_>) {
    match input.split_first() {
        Some((b'l', lines)) => forwarded(Form::List, lines, reach),
        Some((b'f', lines)) => forwarded(Form::Forwarded, lines, reach),
        Some((b'o', lines)) => offered(lines, reach),
        None | Some(_) => {}
    }
}

fn forwarded(form: Form, input: &[u8], reach: Reach<'_>) {
    let lines = || input.split(|byte| *byte == b'\n');
    let (added, address) = match form {
        Form::List => (ADDED.to_string(), "address of a list"),
        Form::Forwarded => (format!("for={ADDED}"), "address of `Forwarded`"),
    };
    let commas = input.iter().filter(|byte| **byte == b',').count();
    let named: Vec<_> = from_the_right(form, lines()).collect();
    assert!(named.len() <= commas + lines().count());
    for name in &named {
        reach(if name.is_some() {
            address
        } else {
            "no address"
        });
    }

    let own_line = lines().chain([added.as_bytes()]);
    let heard: Vec<_> = from_the_right(form, own_line.collect::<Vec<_>>().into_iter()).collect();
    assert_eq!(heard.first(), Some(&Some(ADDED)));
    assert_eq!(heard.get(1..), Some(&*named));
    let joined = [input, b", ", added.as_bytes()].concat();
    let joined: Vec<_> = joined.split(|byte| *byte == b'\n').collect();
    assert_eq!(
        from_the_right(form, joined.into_iter()).next(),
        Some(Some(ADDED))
    );
}

fn offered(input: &[u8], reach: Reach<'_>) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, value);
        }
    }
    match negotiate(&headers) {
        Some(agreed) if agreed.as_bytes().ends_with(b"server_max_window_bits=15") => {
            reach("compression with a window");
        }
        Some(_) => reach("compression"),
        None => reach("no compression"),
    }
}
