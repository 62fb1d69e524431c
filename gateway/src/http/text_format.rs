//! `format=html`: what people and models wrote, so that a page may put it between its
//! tags. It is data otherwise, and never HTML.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use url::form_urlencoded;

use crate::admission::Refusal;

/// How texts in an answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// As they are.
    Plain,
    /// With HTML's own characters as references.
    Html,
}

impl TextFormat {
    /// What `query` asks for.
    pub(super) fn read(query: &str) -> Result<Self, Refusal> {
        let mut format = Self::Plain;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == "format" {
                format = match &*value {
                    "html" => Self::Html,
                    "text" => Self::Plain,
                    _ => return Err(Refusal::bad_request("`format` must be `text` or `html`.")),
                };
            }
        }
        Ok(format)
    }

    /// An answer of JSON. No browser takes it for a page, whatever it holds.
    pub(super) fn answer(self, json: Bytes) -> Response {
        let json = match self {
            Self::Plain => json,
            Self::Html => escape(&json).into(),
        };
        ([(CONTENT_TYPE, "application/json")], json).into_response()
    }
}

/// Escapes what all strings of `json` hold. Frames are not parsed for it: JSON uses
/// none of these characters but the quote, and ids hold none of them.
fn escape(json: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(json.len() + json.len() / 8);
    let mut rest = json;
    while let Some((byte, after)) = rest.split_first() {
        let (reference, len) = match byte {
            b'\\' => in_json(after),
            b'"' => (None, 1),
            byte => (reference(*byte), 1),
        };
        let (these, others) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        escaped.extend_from_slice(reference.map_or(these, str::as_bytes));
        rest = others;
    }
    escaped
}

/// What stands behind a backslash: the reference in its place, if it needs one, and
/// how long it is with the backslash.
fn in_json(after: &[u8]) -> (Option<&'static str>, usize) {
    match after {
        [b'"', ..] => (reference(b'"'), 2),
        [b'u', b'0', b'0', high, low, ..] => {
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0);
            let byte = digit(*high) * 16 + digit(*low);
            (u8::try_from(byte).ok().and_then(reference), 6)
        }
        _ => (None, 2),
    }
}

/// As OWASP's rules for HTML have it: also within an attribute's quotes.
const fn reference(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn escaped(json: &str) -> Value {
        serde_json::from_slice(&escape(json.as_bytes())).unwrap()
    }

    #[test]
    fn no_text_is_html() {
        let frame = json!({"seq": 1, "a<b": "<img src=\"x\" onerror='a(\"\\\")'>&amp; \\\\ é\n"});
        let expected = json!({
            "seq": 1,
            "a&lt;b": "&lt;img src=&quot;x&quot; onerror=&#39;a(&quot;\\&quot;)&#39;&gt;&amp;amp; \\\\ é\n"
        });
        assert_eq!(escaped(&frame.to_string()), expected);
        let otherwise = r#"{"x":"\u003Cscript\u003e\u0026\u0027\u0022\u00e9\u2028\\u003c"}"#;
        let expected = "&lt;script&gt;&amp;&#39;&quot;é\u{2028}\\u003c";
        assert_eq!(escaped(otherwise), json!({ "x": expected }));
    }

    #[test]
    fn a_format_that_is_not_known_is_refused() {
        assert_eq!(TextFormat::read("t=x").ok(), Some(TextFormat::Plain));
        assert_eq!(
            TextFormat::read("format=text").ok(),
            Some(TextFormat::Plain)
        );
        assert_eq!(
            TextFormat::read("format=html&t=x").ok(),
            Some(TextFormat::Html)
        );
        assert!(TextFormat::read("format=markdown").is_err());
    }

    proptest! {
        #[test]
        fn texts_come_out_as_if_each_was_escaped(text in "(\\PC|[<>&'\"\\\\\n\0]){0,40}") {
            let expected = text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;");
            let frame = json!({"data": {"content": text}}).to_string();
            prop_assert_eq!(escaped(&frame), json!({"data": {"content": expected}}));
        }
    }
}
