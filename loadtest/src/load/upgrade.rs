//! From an HTTP connection to a WebSocket.

use memchr::memmem;

use super::dialect::Opening;
use super::target::Target;

/// As much of a refusal is told.
const LONGEST_SAID: usize = 300;

/// What is offered to servers that may compress: no context is kept from one message
/// to the next, so each can be read by itself.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; \
    server_no_context_takeover; client_no_context_takeover\r\n";

/// The request for a WebSocket, on which the server may compress if `deflate`.
pub(crate) fn request(target: &Target, opening: &Opening, deflate: bool) -> Vec<u8> {
    let Opening {
        path,
        query,
        headers,
    } = opening;
    let path = target.path.as_deref().unwrap_or(path);
    let separator = if query.is_empty() { "" } else { "?" };
    let host = &target.host;
    let offer = if deflate { OFFER } else { "" };
    format!(
        "GET {path}{separator}{query} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}{headers}\r\n"
    )
    .into_bytes()
}

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Its rest is still to come.
    Incomplete,
    /// Here is a WebSocket; its frames begin after so many bytes, and may be
    /// compressed if `deflate`.
    Upgraded { after: usize, deflate: bool },
    /// There is none.
    Refused { status: u16, said: String },
}

/// Reads the answer to a [`request`].
pub(crate) fn answer(bytes: &[u8]) -> Answer {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = memmem::find(bytes, END) else {
        return Answer::Incomplete;
    };
    let (head, rest) = bytes.split_at(end);
    let body = rest.get(END.len()..).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let status = head.split_ascii_whitespace().nth(1);
    let status = status.and_then(|status| status.parse().ok()).unwrap_or(0);
    let header = |wanted: &str| {
        let headers = head.lines().filter_map(|line| line.split_once(':'));
        let mut named = headers.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.next().map(|(_, value)| value.trim().to_owned())
    };
    if status == 101 {
        let agreed = header("Sec-WebSocket-Extensions").unwrap_or_default();
        return Answer::Upgraded {
            after: end + END.len(),
            deflate: agreed.starts_with("permessage-deflate"),
        };
    }
    let length: Option<usize> = header("Content-Length").and_then(|value| value.parse().ok());
    if length.is_some_and(|length| body.len() < length) {
        return Answer::Incomplete;
    }
    Answer::Refused {
        status,
        said: said(body),
    }
}

/// The sentence in an error of ours, or whatever the server wrote.
fn said(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let content = json.as_ref().and_then(|json| json.get("content")?.as_str());
    let text = String::from_utf8_lossy(body);
    let text = content.unwrap_or(&text).trim();
    text.chars().take(LONGEST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_target_goes_before_the_usual_one() {
        let opening = Opening {
            path: "/ws",
            query: "token=x".to_owned(),
            headers: "A: b\r\n".to_owned(),
        };
        for (url, line) in [
            ("ws://127.0.0.1:9", "GET /ws?token=x HTTP/1.1\r\n"),
            ("ws://127.0.0.1:9/chat", "GET /chat?token=x HTTP/1.1\r\n"),
        ] {
            let request = request(&url.parse().unwrap(), &opening, false);
            let request = String::from_utf8(request).unwrap();
            assert!(request.starts_with(line), "{request}");
            assert!(request.ends_with("\r\nA: b\r\n\r\n"), "{request}");
        }
    }

    #[test]
    fn an_upgrade_ends_where_frames_begin() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00";
        assert_eq!(answer(&bytes[..20]), Answer::Incomplete);
        let after = bytes.len() - 2;
        let deflate = false;
        assert_eq!(answer(bytes), Answer::Upgraded { after, deflate });
        let agreed = b"HTTP/1.1 101 Switching Protocols\r\n\
            sec-websocket-extensions: permessage-deflate; server_no_context_takeover\r\n\r\n";
        let (after, deflate) = (agreed.len(), true);
        assert_eq!(answer(agreed), Answer::Upgraded { after, deflate });
    }

    #[test]
    fn a_refusal_says_why() {
        let ours = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 52\r\n\r\n\
                    {\"type\":\"error\",\"content\":\"Full: come back in 2 s.\"} ";
        assert_eq!(answer(&ours.as_bytes()[..80]), Answer::Incomplete);
        let refused = |status, said: &str| Answer::Refused {
            status,
            said: said.to_owned(),
        };
        assert_eq!(
            answer(ours.as_bytes()),
            refused(503, "Full: come back in 2 s.")
        );
        let other = b"HTTP/1.1 404 Not Found\r\n\r\nno such page\n";
        assert_eq!(answer(other), refused(404, "no such page"));
    }
}
