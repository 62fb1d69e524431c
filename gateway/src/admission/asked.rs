//! What a request asks for, before anybody looks at who asks.

use std::net::{IpAddr, Ipv4Addr};

use causerie_shared::api_key::KEY_PREFIX;
use causerie_shared::ids::TenantHash;
use causerie_shared::protocol::SUBPROTOCOL;
use causerie_shared::room::RoomName;
use http::HeaderValue;
use http::header::{HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use url::form_urlencoded;

use super::credentials;
use super::refusal::Refusal;
use super::rooms::{MAX_ROOMS, Named};
use crate::address::ClientAddress;
use crate::limits::across::Source;
use crate::limits::floods::Way;
use crate::report::Report;

/// The most bytes of a request's path and query.
const MAX_URL_BYTES: usize = 8 * 1024;

/// A request's wishes and credentials, read but not believed.
#[derive(Debug, Clone)]
pub struct Asked {
    pub(super) tenant: Option<TenantHash>,
    /// The token or API key, wherever it stands.
    pub token: Option<String>,
    /// The rooms to hear, [`MAX_ROOMS`] at the most.
    pub rooms: Vec<Named>,
    /// The one room to hear, whichever else are named.
    pub(super) alone: Option<RoomName>,
    pub(super) origin: Option<PageOrigin>,
    /// From where it comes.
    pub(crate) client: IpAddr,
    /// How it asks: to be answered at once, unless whoever reads it says otherwise.
    pub(crate) way: Way,
    /// The last event that an event stream's client has seen.
    pub last_event_id: Option<String>,
    pub(super) report: Report,
}

/// Where the page comes from that sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PageOrigin {
    /// As the header `Origin` says.
    Named(String),
    /// From this very host, as a browser says that leaves `Origin` out, as they
    /// do on a GET to the page's own origin. Which of the two schemes it is,
    /// they don't say.
    Same(String),
}

impl Asked {
    /// Reads what `request` asks for.
    ///
    /// # Errors
    /// 400, naming what is wrong.
    pub fn read(request: &Parts) -> Result<Self, Refusal> {
        let url = request.uri.path_and_query().map_or("", |url| url.as_str());
        if url.len() > MAX_URL_BYTES {
            return Err(Refusal::bad_request(
                "The URL is over 8 KiB: name fewer rooms, and subscribe to the rest.",
            ));
        }
        check_subprotocols(request)?;
        let mut query = Query::default();
        for (name, value) in form_urlencoded::parse(request.uri.query().unwrap_or("").as_bytes()) {
            query.take(&name, &value)?;
        }
        let last_event_id = text(request, "last-event-id")?.map(str::to_owned);
        let report = match last_event_id {
            // An EventSource opens a stream that ended again with the URL that it had:
            // what that tells was counted then.
            Some(_) => Report::default(),
            None => query.report,
        };
        let mut asked = Self {
            tenant: None,
            token: credentials::token(&request.headers, query.tokens)?,
            rooms: query.rooms,
            alone: None,
            origin: page_origin(request)?,
            client: client(request),
            way: Way::Http,
            last_event_id: last_event_id.or(query.last_event_id),
            report,
        };
        for hash in query.tenants {
            asked.name_tenant(hash)?;
        }
        Ok(asked)
    }

    /// From where it comes, and how.
    pub(super) fn source(&self) -> Source {
        Source {
            client: self.client,
            way: self.way,
        }
    }

    /// The API key that it comes with, if it comes with one.
    pub(super) fn api_key(&self) -> Option<&str> {
        let token = self.token.as_deref();
        token.filter(|token| token.starts_with(KEY_PREFIX))
    }

    /// Names `room` too.
    pub(crate) fn add_room(&mut self, room: RoomName) {
        if !self.rooms.iter().any(|named| named.room == room) {
            self.rooms.push(Named {
                room,
                position: None,
            });
        }
    }

    /// Names `room` alone, at the position that the query gives it, if any.
    pub(crate) fn hear_alone(&mut self, room: RoomName) {
        self.add_room(room.clone());
        self.alone = Some(room);
    }

    /// Names the tenant `hash`.
    ///
    /// # Errors
    /// 400 where the query names another.
    pub(crate) fn name_tenant(&mut self, hash: TenantHash) -> Result<(), Refusal> {
        if self.tenant.as_ref().is_some_and(|other| *other != hash) {
            return Err(Refusal::bad_request("Two tenants are named: name one."));
        }
        self.tenant = Some(hash);
        Ok(())
    }
}

/// Nobody's where it was not found out.
fn client(request: &Parts) -> IpAddr {
    let client = request.extensions.get::<ClientAddress>();
    client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ClientAddress(ip)| *ip)
}

fn check_subprotocols(request: &Parts) -> Result<(), Refusal> {
    // One of them may be a token: without it one would come in as a visitor.
    for value in request.headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        read_text(SEC_WEBSOCKET_PROTOCOL.as_str(), value)?;
    }
    let mut offered = credentials::offered(&request.headers).peekable();
    if offered.peek().is_some() && !offered.any(|entry| entry == SUBPROTOCOL) {
        return Err(Refusal::bad_request(format!(
            "The subprotocol `{SUBPROTOCOL}` must be among those offered."
        )));
    }
    Ok(())
}

/// The parameters of the query that matter here; others are passed over.
#[derive(Default)]
struct Query {
    tenants: Vec<TenantHash>,
    tokens: Vec<String>,
    rooms: Vec<Named>,
    last_event_id: Option<String>,
    report: Report,
}

impl Query {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "t" => {
                let hash = TenantHash::new(value)
                    .map_err(|error| Refusal::bad_request(format!("`t`: {error}.")))?;
                self.tenants.push(hash);
            }
            "token" => self.tokens.push(value.to_owned()),
            "room" if self.rooms.len() == MAX_ROOMS => {
                return Err(Refusal::bad_request(format!(
                    "More than {MAX_ROOMS} rooms are named: subscribe to the rest."
                )));
            }
            "room" => self.rooms.push(Named::read(value)?),
            "lastEventId" => self.last_event_id = Some(value.to_owned()),
            _ => self.report.take(name, value),
        }
        Ok(())
    }
}

fn page_origin(request: &Parts) -> Result<Option<PageOrigin>, Refusal> {
    if let Some(origin) = text(request, ORIGIN.as_str())? {
        return Ok(Some(PageOrigin::Named(origin.to_owned())));
    }
    let is_same = text(request, "sec-fetch-site")? == Some("same-origin");
    let host = text(request, HOST.as_str())?.filter(|_| is_same);
    Ok(host.map(|host| PageOrigin::Same(host.to_owned())))
}

/// The text of a header. One that cannot be read is not taken for none: that
/// would pass over what it was sent for.
fn text<'a>(request: &'a Parts, name: &str) -> Result<Option<&'a str>, Refusal> {
    let value = request.headers.get(name);
    value.map(|value| read_text(name, value)).transpose()
}

fn read_text<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, Refusal> {
    value.to_str().map_err(|_| {
        let content = format!("The header `{name}` holds characters other than ASCII's.");
        Refusal::bad_request(content)
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_query_is_read_as_it_was_written(
            hash in "[A-Za-z0-9._~-]{1,128}",
            token: String,
            rooms in vec("tenant|project:[A-Za-z0-9._~-]{1,20}(@[a-z0-9]{8}:[0-9]{1,9})?", 0..16),
            last in "[ -~]{0,50}",
            others in vec(("x-[a-z&=+%]{1,9}", any::<String>()), 0..4),
        ) {
            // A key would be refused there.
            prop_assume!(!token.starts_with(KEY_PREFIX));
            let mut query = form_urlencoded::Serializer::new("/ws?".to_owned());
            query.append_pair("t", &hash).append_pair("token", &token);
            query.extend_pairs(others).append_pair("lastEventId", &last);
            query.extend_pairs(rooms.iter().map(|room| ("room", room)));
            let url = query.finish();
            prop_assume!(url.len() <= MAX_URL_BYTES);
            let asked = read(&url, &[]).unwrap();
            prop_assert_eq!(asked.tenant, Some(TenantHash::new(hash).unwrap()));
            prop_assert_eq!(asked.token, Some(token));
            prop_assert_eq!(asked.last_event_id, Some(last));
            let named = rooms.iter().map(|room| Named::read(room).unwrap());
            prop_assert_eq!(asked.rooms, named.collect::<Vec<_>>());
        }

        #[test]
        fn any_query_is_read_or_refused(query in "[!$-;=?-Z_a-z~]{0,200}") {
            if let Err(refusal) = read(&format!("/ws?{query}"), &[]) {
                prop_assert_eq!(refusal.status(), 400);
            }
        }
    }

    fn read(uri: &str, headers: &[(&str, &str)]) -> Result<Asked, Refusal> {
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Asked::read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn reads_everything_that_the_protocol_names() {
        let uri = "/ws?t=demo&token=a&room=project%3Ap1@k3f9a2bd:41&room=tenant&else=x";
        let asked = read(uri, &[("origin", "https://a.example")]).unwrap();
        assert_eq!(asked.tenant.unwrap().as_str(), "demo");
        assert_eq!(asked.token.as_deref(), Some("a"));
        assert_eq!(asked.rooms.len(), 2);
        let origin = PageOrigin::Named("https://a.example".into());
        assert_eq!(asked.origin, Some(origin));
    }

    #[test]
    fn what_an_event_source_tells_anew_is_passed_over() {
        let told = |uri: &str, headers: &[(&str, &str)]| {
            read(uri, headers).unwrap().report != Report::default()
        };
        let uri = "/api/events?attempt=2&last=websocket&away_ms=30000";
        assert!(told(uri, &[]));
        assert!(!told(uri, &[("last-event-id", "tenant@k3f9a2bd:1")]));
        // This one was made for the occasion.
        let uri = "/api/events?attempt=1&lastEventId=tenant@k3f9a2bd:1";
        assert!(told(uri, &[]));
    }

    #[test]
    fn limits_are_those_of_the_protocol() {
        let rooms = |n: usize| format!("/ws?{}", "&room=tenant".repeat(n));
        assert!(read(&rooms(16), &[]).is_ok());
        assert!(read(&rooms(17), &[]).is_err());
        let long = |n: usize| format!("/ws?x={}", "y".repeat(n - 6));
        assert!(read(&long(MAX_URL_BYTES), &[]).is_ok());
        assert!(read(&long(MAX_URL_BYTES + 1), &[]).is_err());
        assert!(read("/ws?t=a%20b", &[]).is_err());
        assert!(read("/ws?t=a&t=b", &[]).is_err());
        assert!(read("/ws?room=team:x", &[]).is_err());
    }

    #[test]
    fn who_offers_subprotocols_must_offer_ours() {
        let offer = |value| read("/ws", &[("sec-websocket-protocol", value)]);
        assert!(offer("picasso-chat-v1").is_ok());
        assert!(offer("chat, picasso-chat-v1, bearer.x").is_ok());
        assert!(offer("bearer.x").is_err());
        assert!(offer("chat").is_err());
    }

    #[test]
    fn a_header_that_cannot_be_read_is_not_taken_for_none() {
        for name in ["last-event-id", "origin", "sec-websocket-protocol"] {
            let mut request = http::Request::get("/ws").body(()).unwrap();
            let value = HeaderValue::from_bytes("tenant@k3f9a2bd:1\u{e9}".as_bytes());
            request.headers_mut().insert(name, value.unwrap());
            let refusal = Asked::read(&request.into_parts().0).unwrap_err();
            assert_eq!(refusal.status(), http::StatusCode::BAD_REQUEST, "{name}");
        }
    }

    #[test]
    fn a_browser_without_an_origin_may_still_tell_it() {
        let same = [
            ("host", "localhost:8080"),
            ("sec-fetch-site", "same-origin"),
        ];
        let origin = PageOrigin::Same("localhost:8080".into());
        assert_eq!(read("/ws", &same).unwrap().origin, Some(origin));
        assert_eq!(read("/ws", &same[..1]).unwrap().origin, None);
    }
}
