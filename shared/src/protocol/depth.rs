//! How deeply a JSON text is nested, found before it is parsed.

/// Whether `json` nests arrays and objects deeper than `limit`.
///
/// Reads the text once and stores nothing, so that a hostile frame costs no
/// more than its bytes. What is not JSON at all is left to the parser.
pub(super) fn is_deeper_than(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_deeper_than;

    #[test]
    fn counts_what_is_open_at_once() {
        assert!(!is_deeper_than(br#"{"a":[1],"b":[2]}"#, 2));
        assert!(is_deeper_than(br#"{"a":[[1]]}"#, 2));
        assert!(!is_deeper_than(br#"{"a":"[[[\"[[["}"#, 1));
    }
}
