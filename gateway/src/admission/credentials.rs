//! Where a request carries its token.

use std::collections::HashSet;

use causerie_shared::api_key::KEY_PREFIX;
use http::HeaderMap;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};

use super::refusal::Refusal;

/// What goes before a token among the subprotocols.
const BEARER_ENTRY: &str = "bearer.";

/// The subprotocols that a client offers, in its order.
pub(super) fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// The request's token, from wherever it stands; `in_query` are those of the
/// query.
///
/// # Errors
/// 400 where it carries two that differ, or an API key where others might see it.
pub(super) fn token(headers: &HeaderMap, in_query: Vec<String>) -> Result<Option<String>, Refusal> {
    let in_headers = headers
        .get_all(AUTHORIZATION)
        .into_iter()
        .filter_map(|value| bearer(value.as_bytes()));
    let in_subprotocols = offered(headers).filter_map(|entry| entry.strip_prefix(BEARER_ENTRY));
    let elsewhere: Vec<String> = in_subprotocols.map(str::to_owned).chain(in_query).collect();
    if elsewhere.iter().any(|token| token.starts_with(KEY_PREFIX)) {
        return Err(Refusal::bad_request(
            "An API key goes into the header `Authorization: Bearer` alone: what stands in a URL \
             is written to logs on the way.",
        ));
    }
    let tokens: HashSet<String> = in_headers.chain(elsewhere).collect();
    if tokens.len() > 1 {
        return Err(Refusal::bad_request(
            "Two different tokens were sent: send one.",
        ));
    }
    Ok(tokens.into_iter().next())
}

/// The token of `Bearer <jwt>`. Another scheme is meant for somebody on the
/// way, such as a proxy that asks for a password. What cannot be a token, or is
/// empty, is a bad one rather than none.
fn bearer(value: &[u8]) -> Option<String> {
    let value = String::from_utf8_lossy(value);
    let (scheme, token) = value.split_once(' ').unwrap_or((&value, ""));
    let is_ours = scheme.eq_ignore_ascii_case("bearer");
    is_ours.then(|| token.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_sent(
            sent in "[A-Za-z0-9_-]{1,40}[.][A-Za-z0-9_-]{1,40}[.][A-Za-z0-9_-]{0,40}",
            scheme in "[Bb][Ee][Aa][Rr][Ee][Rr] {1,3}",
            others in "(chat|picasso-chat-v1|[a-z]{1,8})( ?, ?)?",
            in_header: bool, in_subprotocol: bool, in_query: bool,
        ) {
            let mut headers = HeaderMap::new();
            let basic = HeaderValue::from_static("Basic dTpw");
            headers.append(AUTHORIZATION, basic);
            if in_header {
                let value = format!("{scheme}{sent}");
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            headers.append(SEC_WEBSOCKET_PROTOCOL, others.parse().unwrap());
            if in_subprotocol {
                let value = format!("{others},bearer.{sent}");
                headers.append(SEC_WEBSOCKET_PROTOCOL, value.parse().unwrap());
            }
            let queried = in_query.then(|| sent.clone()).into_iter().collect();
            let read = token(&headers, queried).unwrap();
            prop_assert_eq!(read, (in_header || in_subprotocol || in_query).then_some(sent));
        }

        #[test]
        fn anything_is_read_or_refused(
            bearers in vec(vec(any::<u8>(), 0..30), 0..4),
            offers in vec(vec(any::<u8>(), 0..30), 0..4),
            queried in vec("[ -~]{0,20}", 0..3),
        ) {
            let mut headers = HeaderMap::new();
            for (name, values) in [(AUTHORIZATION, bearers), (SEC_WEBSOCKET_PROTOCOL, offers)] {
                for value in values.iter().filter_map(|value| HeaderValue::from_bytes(value).ok()) {
                    headers.append(&name, value);
                }
            }
            if let Err(refusal) = token(&headers, queried) {
                prop_assert_eq!(refusal.status(), 400);
            }
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        for pairs in [
            [("authorization", "Bearer a.b.c")],
            [("authorization", "bearer  a.b.c")],
            [("sec-websocket-protocol", "picasso-chat-v1, bearer.a.b.c")],
        ] {
            let found = token(&headers(&pairs), Vec::new()).unwrap();
            assert_eq!(found.as_deref(), Some("a.b.c"), "{pairs:?}");
        }
        let basic = headers(&[("authorization", "Basic dTpw")]);
        assert_eq!(token(&basic, Vec::new()).unwrap(), None);
        let in_query = token(&basic, vec!["q".into()]).unwrap();
        assert_eq!(in_query.as_deref(), Some("q"));
    }

    #[test]
    fn an_empty_or_unreadable_token_is_a_bad_one() {
        for (value, expected) in [("Bearer", ""), ("bearer ", ""), ("Bearer \u{e9}", "\u{e9}")] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.insert(AUTHORIZATION, value);
            let found = token(&headers, Vec::new()).unwrap();
            assert_eq!(found.as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_api_key_stands_in_its_header_alone() {
        let bearer = headers(&[("authorization", "Bearer ck_16a1b2c3d4e5_ab")]);
        let found = token(&bearer, Vec::new()).unwrap();
        assert_eq!(found.as_deref(), Some("ck_16a1b2c3d4e5_ab"));
        let key = "ck_16a1b2c3d4e5_ab".to_owned();
        assert!(token(&bearer, vec![key.clone()]).is_err());
        assert!(token(&HeaderMap::new(), vec![key]).is_err());
        let entry = [("sec-websocket-protocol", "bearer.ck_16a1b2c3d4e5_ab")];
        assert!(token(&headers(&entry), Vec::new()).is_err());
    }

    #[test]
    fn the_same_token_twice_is_one_and_two_are_refused() {
        let headers = headers(&[("authorization", "Bearer a")]);
        assert!(token(&headers, vec!["a".into()]).is_ok());
        assert!(token(&headers, vec!["b".into()]).is_err());
        assert!(token(&HeaderMap::new(), vec!["a".into(), "b".into()]).is_err());
    }
}
