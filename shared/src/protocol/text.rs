//! Which characters what people and models write may hold: all but the control
//! characters that no keyboard types and no screen shows. Those for the direction
//! of writing are none of these: Arabic and Hebrew need them.

use std::borrow::Cow;

/// Whether this is a control character that no text may hold: U+0000 to U+001F but
/// for tab, line feed and carriage return, and U+007F.
pub const fn is_control(character: char) -> bool {
    character.is_ascii_control() && !matches!(character, '\t' | '\n' | '\r')
}

/// The same text with U+FFFD in place of each such character: for what a model
/// writes, who cannot be asked to write it again.
pub fn without_controls(text: &str) -> Cow<'_, str> {
    if text.contains(is_control) {
        text.replace(is_control, "\u{fffd}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_types_is_replaced() {
        let kept = "a\tb\r\nc é 你好 👋🏽 \u{202e}עברית\u{2069}\u{200d}\u{feff}";
        assert_eq!(without_controls(kept), kept);
        assert_eq!(
            without_controls("\0a\u{1b}[2J\u{7f}"),
            "\u{fffd}a\u{fffd}[2J\u{fffd}"
        );
    }
}
