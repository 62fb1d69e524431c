//! Personal data in random texts.

use super::*;

/// Something that must not be logged.
fn planted() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9._+-]{0,12}[a-z0-9]@[a-z]{1,8}(\\.[a-z]{2,8}){1,2}",
        "\\+[1-9][0-9]{1,2}[ -]?[0-9]{3,4}[ -]?[0-9]{4,5}",
        "0[1-9][0-9]{2,3}[ /-]?[0-9]{6,7}",
        "[2-9][0-9]{2}([-. ])[0-9]{3}([-. ])[0-9]{4}",
        card(),
        iban(),
        (1_u8..=9, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| format!("{a}.{b}.{c}.{}", d)),
        any::<[u16; 5]>()
            .prop_map(|[a, b, c, d, e]| format!("2a02:{a:x}:{b:x}:{c:x}::{d:x}:{e:x}")),
        "eyJ[A-Za-z0-9_-]{14,40}\\.[A-Za-z0-9_-]{4,20}\\.[A-Za-z0-9_-]{9,43}",
        "(sk-|ghp_|AKIA|xoxb-)[A-Za-z0-9]{16,40}",
    ]
}

fn card() -> impl Strategy<Value = String> {
    let separator = prop_oneof![Just(""), Just(" "), Just("-")];
    ("(4[0-9]{3}|5[1-5][0-9]{2})[0-9]{11}", separator).prop_map(|(digits, separator)| {
        let sum: u32 = digits
            .chars()
            .rev()
            .filter_map(|digit| digit.to_digit(10))
            .enumerate()
            .map(|(at, digit)| {
                if at % 2 == 0 {
                    digit * 2 / 10 + digit * 2 % 10
                } else {
                    digit
                }
            })
            .sum();
        let number = format!("{digits}{}", (10 - sum % 10) % 10);
        let groups: Vec<String> = number
            .as_bytes()
            .chunks(4)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect();
        groups.join(separator)
    })
}

fn iban() -> impl Strategy<Value = String> {
    "[0-9]{18}".prop_map(|account| {
        // `DE` is 13 and 14.
        let rest = format!("{account}131400").parse::<u128>().unwrap() % 97;
        format!("DE{:02}{account}", 98 - rest)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever stands around it, in whatever way the line is written.
    #[test]
    fn nothing_planted_survives(
        before in "(\\PC{0,20}[ \"'(,;=<>\n\t\\[])?",
        secret in planted(),
        after in "([ \"'),;<>\n\t\\]]\\PC{0,20})?",
    ) {
        let text = format!("{before}{secret}{after}");
        let lines = [
            text.clone(),
            format!("{text:?}"),
            json!({"message": text, "n": 1}).to_string(),
            json!({"error": format!("{text:?}"), "n": 1}).to_string(),
            json!({"body": json!({"content": text}).to_string()}).to_string(),
            format!("\u{1b}[3mfield\u{1b}[0m\u{1b}[2m=\u{1b}[0m{text}"),
        ];
        for line in lines {
            let masked = mask(&line);
            prop_assert!(!masked.contains(&secret), "{secret} of {line} is in {masked}");
            if serde_json::from_str::<Value>(&line).is_ok_and(|value| value.is_object()) {
                prop_assert!(serde_json::from_str::<Value>(&masked).is_ok(), "{line} became {masked}");
            }
        }
    }

    /// JSON that is masked has the same members; and what was masked is not
    /// masked again.
    #[test]
    fn json_stays_json(key in "\\PC{0,12}|token|password", text in "\\PC{0,60}", number in any::<u64>()) {
        let line = json!({&key: text, "number": number, "nested": {"x": text}}).to_string();
        let masked = mask(&line);
        let value: Value = serde_json::from_str(&masked).map_err(|error| {
            TestCaseError::fail(format!("{error}: {line} became {masked}"))
        })?;
        prop_assert!(value.get("number").is_some() && value["nested"].get("x").is_some());
        prop_assert_eq!(mask(&masked), masked.clone());
    }

    /// What our programs log all the time is never taken for personal data.
    #[test]
    fn ids_and_numbers_are_left_alone(
        id in any::<u128>(),
        partition in 0_u8..128,
        ms in 1_600_000_000_000_u64..1_999_999_999_999,
        count in any::<u32>(),
        ratio in any::<f64>(),
        epoch in "[a-z][a-z0-9]{7,15}",
    ) {
        let uuid = uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid();
        let seventh = uuid::Builder::from_unix_timestamp_millis(ms, &[7; 10]).into_uuid();
        let line = json!({
            "id": uuid.to_string(), "simple": uuid.simple().to_string(), "message": format!("{partition:02x}-{}", seventh),
            "reply": format!("{partition:02x}-{}", seventh.simple()), "ts": ms, "count": count,
            "ratio": ratio, "position": format!("user:u{count}@{epoch}:{ms}"),
            "entry": format!("{ms}-{count}"),
            // With a letter: one of digits alone may pass for a card.
            "span_id": format!("a{:015x}", id as u64 >> 4),
            "trace_id": uuid.simple().to_string(), "port": format!("127.0.0.1:{}", count % 65_536),
        });
        let line = line.to_string();
        prop_assert_eq!(mask(&line), line.clone());
    }
}
