//! What a close frame holds (RFC 6455, 5.5.1 and 7.4).

use super::Violation;

/// The code in a close frame's `payload`; `None` where it is empty.
pub(super) fn read(payload: &[u8]) -> Result<Option<u16>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((&code, reason)) = payload.split_first_chunk() else {
        return Err(Violation::Protocol);
    };
    let code = u16::from_be_bytes(code);
    if !may_travel(code) {
        return Err(Violation::Protocol);
    }
    match std::str::from_utf8(reason) {
        Ok(_reason) => Ok(Some(code)),
        Err(_) => Err(Violation::Utf8),
    }
}

/// Codes that are registered, or free for libraries and applications. 1004 is
/// reserved; 1005, 1006 and 1015 are what programs tell themselves.
fn may_travel(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, reason: &[u8]) -> Result<Option<u16>, Violation> {
        read(&[&code.to_be_bytes(), reason].concat())
    }

    #[test]
    fn a_close_needs_no_code() {
        assert_eq!(read(b""), Ok(None));
    }

    #[test]
    fn half_a_code_is_none() {
        assert_eq!(read(&[3]), Err(Violation::Protocol));
    }

    #[test]
    fn only_some_codes_travel() {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
            4000, 4508, 4999,
        ] {
            assert_eq!(of(code, b"bye"), Ok(Some(code)));
        }
        for code in [
            0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
        ] {
            assert_eq!(of(code, b""), Err(Violation::Protocol), "{code}");
        }
    }

    #[test]
    fn a_reason_is_text() {
        assert_eq!(of(1000, "à bientôt".as_bytes()), Ok(Some(1000)));
        assert_eq!(of(1000, b"\xC3"), Err(Violation::Utf8));
    }
}
