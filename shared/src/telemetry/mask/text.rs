//! Looking at the bytes of a line. Beyond either end there are zeros, which no
//! line holds.

pub(super) fn byte(line: &[u8], at: usize) -> u8 {
    line.get(at).copied().unwrap_or(0)
}

/// The byte before `at`.
pub(super) fn before(line: &[u8], at: usize) -> u8 {
    byte(line, at.wrapping_sub(1))
}

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the bytes from `at` on for which `is_part` holds end.
pub(super) fn run(line: &[u8], at: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|byte| !is_part(*byte))
        .unwrap_or(rest.len())
}

pub(super) fn digits(line: &[u8], at: usize) -> usize {
    run(line, at, |byte| byte.is_ascii_digit())
}

/// Whether `line` goes on at `at` with `words`, in whatever case.
pub(super) fn says(line: &[u8], at: usize, words: &[u8]) -> bool {
    let end = at.saturating_add(words.len());
    line.get(at..end)
        .is_some_and(|part| part.eq_ignore_ascii_case(words))
}

/// Where the escape sequence of a terminal that begins at `at` ends; `at` where
/// there is none.
pub(super) fn after_colour(line: &[u8], at: usize) -> usize {
    if byte(line, at) != 0x1b || byte(line, at + 1) != b'[' {
        return at;
    }
    run(line, at + 2, |byte| byte.is_ascii_digit() || byte == b';') + 1
}

/// Where what is escaped at `at`, a backslash, ends: in JSON, in Rust's debug texts,
/// and in one of these within the other.
pub(super) fn after_escape(line: &[u8], at: usize) -> usize {
    let end = run(line, at, |byte| byte == b'\\');
    let is_odd = (end - at) % 2 == 1;
    match byte(line, end) {
        // After an even number of them the quote is one.
        b'"' | b'b' | b'f' if is_odd => end + 1,
        b'n' | b'r' | b't' => end + 1,
        b'u' => {
            let digits = run(line, end + 1, |byte| byte.is_ascii_hexdigit());
            if digits >= end + 5 { end + 5 } else { end }
        }
        _ => end,
    }
}

/// Whether a number that ends before `at` ends there as a whole.
pub(super) fn number_ends(line: &[u8], at: usize) -> bool {
    let next = byte(line, at);
    let is_fraction = next == b'.' && byte(line, at + 1).is_ascii_digit();
    !is_word(next) && !is_fraction
}

/// Whether a number that begins at `at` goes on a fraction.
pub(super) fn is_fraction(line: &[u8], at: usize) -> bool {
    before(line, at) == b'.' && before(line, at.wrapping_sub(1)).is_ascii_digit()
}
