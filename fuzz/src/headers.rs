//! Headers in which strangers write lists: `X-Forwarded-For` and its like (`l` before
//! it), `Forwarded` (`f`), and what a WebSocket's client offers (`o`). Each line of the
//! input is one of the header. And what a request asks for, with its query and with all
//! headers that matter to that (`a`): the first line is the URL, each other a header.

use std::net::{IpAddr, Ipv4Addr};

use causerie_gateway::address::forwarded::{Form, from_the_right};
use causerie_gateway::admission::{Asked, MAX_ROOMS};
use causerie_gateway::sse::position::read as read_last_event_id;
use causerie_gateway::websocket::codec::negotiate;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

use super::Reach;

/// What some input of the corpus comes to.
pub const REACHES: &[&str] = &[
    "address of a list",
    "address of `Forwarded`",
    "compression",
    "compression with a window",
    "last event",
    "no address",
    "no compression",
    "no token",
    "not understood",
    "room",
    "token of a header",
    "token of a query",
    "token of a subprotocol",
];

/// Whom the proxy before us names.
const ADDED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 17));

/// Whatever was sent before it, what a proxy adds is heard.
pub fn run(input: &[u8], reach: Reach<'_>) {
    match input.split_first() {
        Some((b'l', lines)) => forwarded(Form::List, lines, reach),
        Some((b'f', lines)) => forwarded(Form::Forwarded, lines, reach),
        Some((b'o', lines)) => offered(lines, reach),
        Some((b'a', lines)) => asked(lines, reach),
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

/// What a token is that is sent beside what is made up.
const OWN: &str = "aaa.bbb.ccc";

/// Of two tokens neither is taken, and of one nobody loses sight.
fn asked(input: &[u8], reach: Reach<'_>) {
    let Some(parts) = request(input) else {
        return;
    };
    let asked = match Asked::read(&parts) {
        Ok(asked) => asked,
        Err(refusal) => {
            assert_eq!(refusal.status(), 400);
            reach("not understood");
            return;
        }
    };
    assert!(asked.rooms.len() <= MAX_ROOMS);
    if !asked.rooms.is_empty() {
        reach("room");
    }
    if let Some(last) = &asked.last_event_id
        && read_last_event_id(last).is_ok_and(|last| !last.is_empty())
    {
        reach("last event");
    }
    let mut with_own = parts.clone();
    let own = HeaderValue::from_static("Bearer aaa.bbb.ccc");
    with_own.headers.append(AUTHORIZATION, own);
    match (&asked.token, Asked::read(&with_own)) {
        (None, Ok(read)) => assert_eq!(read.token.as_deref(), Some(OWN)),
        (Some(token), Ok(_)) => assert_eq!(token, OWN),
        (token, Err(_)) => assert!(token.as_deref().is_some_and(|token| token != OWN)),
    }
    reach(match asked.token {
        None => "no token",
        Some(_) => place_of_token(parts),
    });
}

/// Where the token of such a request stands. An API key stands in its header alone.
fn place_of_token(mut parts: Parts) -> &'static str {
    let mut token_without = |header: &HeaderName| {
        parts.headers.remove(header);
        Asked::read(&parts).expect("less is asked").token
    };
    match token_without(&AUTHORIZATION) {
        None => "token of a header",
        Some(token) => {
            assert!(!token.starts_with("ck_"));
            match token_without(&SEC_WEBSOCKET_PROTOCOL) {
                None => "token of a subprotocol",
                Some(_) => "token of a query",
            }
        }
    }
}

/// The request that `input` spells, if it is one as the server might hand it on.
fn request(input: &[u8]) -> Option<Parts> {
    let mut lines = input.split(|byte| *byte == b'\n');
    let mut request = Request::new(());
    *request.uri_mut() = Uri::try_from(lines.next()?).ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name).ok()?;
        let value = value.get(1..)?.trim_ascii();
        request
            .headers_mut()
            .append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(request.into_parts().0)
}
