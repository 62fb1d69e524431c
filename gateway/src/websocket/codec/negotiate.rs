//! Whether messages may be compressed: from what a client offers to what is
//! agreed on (RFC 7692, 5 and 7.1).

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};

/// What is always agreed on. No message refers to an earlier one: so no
/// connection needs a memory of its own, and a frame that is compressed once
/// serves everybody.
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The same with the largest window, for a client that wants to be told.
const AGREED_ON_WINDOW: &str = "permessage-deflate; server_no_context_takeover; \
     client_no_context_takeover; server_max_window_bits=15";

/// The largest window, as a power of two, and ours.
const MAX_WINDOW_BITS: u8 = 15;

/// The answer to the first offer in the request's headers that can be taken, for
/// the header `Sec-WebSocket-Extensions`. `None` where there is none: nothing
/// is compressed then, and nobody is refused for it.
pub fn negotiate(request: &HeaderMap) -> Option<HeaderValue> {
    let lists = request.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| split(list, ','))
        .find_map(answer)
        .map(HeaderValue::from_static)
}

/// The answer to one `offer`. `None` where it is declined, as it has to be for a
/// parameter that is unknown, has no such value or is given twice.
fn answer(offer: &str) -> Option<&'static str> {
    let mut parts = split(offer, ';');
    if parts.next()? != "permessage-deflate" {
        return None;
    }
    let (mut answer, mut names) = (AGREED, Vec::new());
    for parameter in parts {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start())?)),
            None => (parameter, None),
        };
        if names.contains(&name) {
            return None;
        }
        names.push(name);
        match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover", None)
            | ("client_max_window_bits", None) => {}
            // A client may limit itself. What it sends is inflated with the
            // largest window, so that it need not be told to.
            ("client_max_window_bits", Some(value)) => {
                window_bits(value)?;
            }
            // What serves everybody was made with our window, not a smaller one.
            ("server_max_window_bits", Some(value)) if window_bits(value)? == MAX_WINDOW_BITS => {
                answer = AGREED_ON_WINDOW;
            }
            _ => return None,
        }
    }
    Some(answer)
}

fn window_bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok()?;
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    (is_plain && (8..=MAX_WINDOW_BITS).contains(&bits)).then_some(bits)
}

/// A value may stand in quotes. `None` where it begins with one alone.
fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(value) => value.strip_suffix('"'),
        None => Some(value),
    }
}

/// The parts of `text` between `separator`s that stand in no quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character| {
        if is_escaped {
            is_escaped = false;
        } else if character == '"' {
            is_quoted = !is_quoted;
        } else {
            is_escaped = is_quoted && character == '\\';
        }
        !is_quoted && character == separator
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(offers: &[&'static str]) -> Option<HeaderValue> {
        let headers = offers.iter().map(|offer| {
            let offer = HeaderValue::from_static(offer);
            (SEC_WEBSOCKET_EXTENSIONS, offer)
        });
        negotiate(&headers.collect())
    }

    #[test]
    fn what_browsers_and_libraries_offer_is_taken() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=\"12\"",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "  permessage-deflate ; client_no_context_takeover ;client_max_window_bits = 15 ",
        ] {
            assert_eq!(agreed(&[offer]).unwrap(), AGREED, "{offer}");
        }
    }

    #[test]
    fn our_window_is_named_to_those_who_limit_it() {
        let offer = "permessage-deflate; server_max_window_bits=15; client_max_window_bits";
        assert_eq!(agreed(&[offer]).unwrap(), AGREED_ON_WINDOW);
    }

    #[test]
    fn what_cannot_be_held_to_is_declined() {
        for offer in [
            "",
            ",",
            "permessage-bzip2",
            "x-webkit-deflate-frame",
            "permessage-deflate-2",
            "permessage-deflate; server_max_window_bits=14",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=015",
            "permessage-deflate; server_max_window_bits=+15",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=\"10",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=true",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; level=9",
            "permessage-deflate;",
        ] {
            assert_eq!(agreed(&[offer]), None, "{offer}");
        }
    }

    #[test]
    fn the_first_offer_that_can_be_taken_is() {
        for offers in [
            &["permessage-deflate; server_max_window_bits=10, permessage-deflate"][..],
            &["permessage-foo; note=\"a, b; \\\" c\", permessage-deflate"],
            &[
                "permessage-foo",
                "permessage-deflate; client_max_window_bits",
            ],
            &[
                "permessage-deflate; level=9, permessage-deflate; server_max_window_bits=9",
                "permessage-deflate, permessage-deflate; server_max_window_bits=15",
            ],
        ] {
            assert_eq!(agreed(offers).unwrap(), AGREED, "{offers:?}");
        }
        // A comma in quotes ends no offer.
        assert_eq!(agreed(&["foo; note=\", permessage-deflate, \""]), None);
    }

    #[test]
    fn one_who_offers_nothing_gets_nothing() {
        assert_eq!(agreed(&[]), None);
    }
}
