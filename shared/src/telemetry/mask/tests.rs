use proptest::prelude::*;
use serde_json::{Value, json};

use super::mask;

mod planted;

/// What is masked, as it stands in a text, and what comes in its place.
const MASKED: &[(&str, &str)] = &[
    (
        "Write to anna.o'brien+x@mail.example.org.",
        "Write to [e-mail].",
    ),
    ("<müller@bücher.example>", "<[e-mail]>"),
    ("mail=a@b.co,c@d.museum", "mail=[e-mail],[e-mail]"),
    ("Call +49 (0) 30 1234-567!", "Call [phone]!"),
    (
        "call 0171/1234567 or 0049 30 1234567",
        "call [phone] or [phone]",
    ),
    ("(555) 123-4567", "([phone]"),
    ("tel:555.123.4567", "tel:[phone]"),
    ("01 23 45 67 89", "[phone]"),
    ("card 4111 1111 1111 1111 12/29", "card [card] 12/29"),
    ("at 12 5500-0000-0000-0004.", "at 12 [card]."),
    ("378282246310005", "[card]"),
    ("DE89 3704 0044 0532 0130 00 is mine", "[iban] is mine"),
    ("iban=gb82WEST12345698765432", "iban=[iban]"),
    ("from 203.0.113.77:52100", "from 203.0.113.x:52100"),
    (
        "ip=[2001:db8:85a3:8d3::7334]:443",
        "ip=[2001:db8:85a3::x]:443",
    ),
    (
        "on=ip:2a02:8108:1:81b:::connections 2a02:8108:1::7:feed",
        "on=ip:2a02:8108:1::x:connections 2a02:8108:1::x",
    ),
    ("2a02:8108:1:2:3:4:5:6: refused", "2a02:8108:1::x: refused"),
    ("::ffff:203.0.113.9.", "::ffff:203.0.113.x."),
    (
        "redis://:pa55@10.0.0.9:6379/0",
        "redis://[secret]@10.0.0.9:6379/0",
    ),
    ("https://u:p@a@b.example/x", "https://[secret]@b.example/x"),
    (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2ln-X_0.",
        "[secret].",
    ),
    ("bearer.eyJhbGciOiJIUzI1NiJ9.e30.x", "bearer.[secret]"),
    (
        "Authorization: Bearer a1b2c3d4e5",
        "Authorization: Bearer [secret]",
    ),
    ("sk-ant-api03-0123456789abcdef", "[secret]"),
    (
        "key ck_16a1b2c3d4e5_0123456789abcdef0123456789abcdef is",
        "key [secret] is",
    ),
    ("AKIAIOSFODNN7EXAMPLE0", "[secret]"),
    (
        "/ws?t=acme&token=x.y.z&room=tenant",
        "/ws?t=acme&token=[secret]&room=tenant",
    ),
    (
        r#"password="it's \"this\" one" next=1"#,
        r#"password="[secret]" next=1"#,
    ),
    (
        r#"Some { api_key: Some("opens"), n: 1 }"#,
        r#"Some { api_key: Some("[secret]"), n: 1 }"#,
    ),
    ("client_secret: 0123abcd4567", "client_secret: [secret]"),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- x",
        "[secret] x",
    ),
    (
        "\u{1b}[3mtoken\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"abc\" \u{1b}[3mn\u{1b}[0m\u{1b}[2m=\u{1b}[0m4111111111111111",
        "\u{1b}[3mtoken\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"[secret]\" \u{1b}[3mn\u{1b}[0m\u{1b}[2m=\u{1b}[0m[card]",
    ),
];

/// Lines and texts as our programs write them, and what looks like a secret to
/// one who looks twice only.
const UNCHANGED: &[&str] = &[
    "",
    "2026-11-22T03:35:37.123456Z  INFO causerie: listening on http://127.0.0.1:8080",
    "listening on http://0.0.0.0:8080 and [::1]:8081, redis at redis://10.0.0.9:6379",
    "room=acme:project:p1 position=user:u1@k3f9a2bd:41,tenant@x81kd02m:7",
    "message=5e-019012345678712381230123456789ab epoch=k3f9a2bd seq=4111111111",
    "id=01901234-5678-7123-8123-123456789012 next=01901234-5678-7abc-8123-0123456789ab",
    "uuid 41111111-1111-1111-8111-111111111111 and 00000000-0000-4000-8000-000000000000",
    "ts=1693234567890 ns=1693234567890123456 ms=250 entry=1693234567890-0 ratio=0.4111111111111111",
    "traceparent 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "causerie 0.1.0 on redis 7.4.1, rustc 1.90.0, +02:00, 1e+10, 2026-01-02 123456",
    "fd12:3456:789a:1::1 fe80::2a:3bff:fe4e:66a1 add::cafe a::b ::",
    "192.168.1.20:6379 172.16.0.4 169.254.1.1 255.255.255.255 999.1.2.3 1.2.3",
    "outcome=\"first_token_timeout\" refused=\"token_expired\" time_to_first_token=123",
    "key ck_16a1b2c3d4e5 was made",
    "The token is missing: log in. Bearer authentication, basic settings, secret: none",
    "card 4111111111111112, DE88370400440532013000, XX82WEST12345698765432",
    r#"{"timestamp":"2026-11-22T03:35:37.123456Z","level":"INFO","prompt_token":12,"span_id":"4111111111111111","password":null,"token":""}"#,
    r#"{"message":"no token:","room":"acme:user:u1","bytes":1693234567890}"#,
];

#[test]
fn what_is_personal_or_secret_is_masked() {
    for (text, masked) in MASKED {
        assert_eq!(mask(text), *masked, "{text}");
        if text.contains('\u{1b}') {
            continue;
        }
        // The same in a field of JSON, and in a debug text within one.
        let line = json!({"message": text, "n": 1}).to_string();
        assert_eq!(mask(&line), json!({"message": masked, "n": 1}).to_string());
        let line = json!({"error": format!("{text:?}"), "n": 1}).to_string();
        let line: Value = serde_json::from_str(&mask(&line)).unwrap();
        assert_eq!(line["error"], format!("{masked:?}"));
    }
}

#[test]
fn what_is_neither_stays_as_it_is() {
    for text in UNCHANGED {
        assert_eq!(mask(text), *text);
        if text.starts_with('{') {
            continue;
        }
        let line = json!({"message": text, "n": 1}).to_string();
        assert_eq!(mask(&line), line);
    }
}

#[test]
fn members_of_json_are_secret_by_their_name() {
    let line = r#"{"token":"a \"b\" c","n":4111111111111111,"x":"\"password\":\"p\\\"q\"","y":1}"#;
    let masked: Value = serde_json::from_str(&mask(line)).unwrap();
    let expected = json!({
        "token": "[secret]", "n": "[card]", "x": "\"password\":\"[secret]\"", "y": 1
    });
    assert_eq!(masked, expected);
}

/// Who sends such texts shall not hold up who logs them.
#[test]
fn no_text_takes_longer_than_its_length() {
    for part in [
        "token=\"",
        "m=",
        "1 ",
        "a@",
        "eyJ-",
        "\\\"",
        "://",
        "+1",
        "2:",
        "2001:",
        "-----BEGIN ",
    ] {
        let text = part.repeat(1_000_000 / part.len());
        let began = std::time::Instant::now();
        mask(&text);
        let took = began.elapsed();
        assert!(took < std::time::Duration::from_secs(5), "{part}: {took:?}");
    }
}
