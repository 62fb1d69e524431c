//! Numbers and texts as people read them.

/// To three digits, or to the whole number: `0.0123`, `1.23`, `12.3`, `12,345`.
pub(crate) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 || magnitude == 0.0 {
        return whole(value.round() as i64);
    }
    let before_point = magnitude.log10().floor() as i32 + 1;
    let decimals = usize::try_from(3 - before_point).unwrap_or(0).min(6);
    let text = format!("{value:.decimals$}");
    // 99.96 is 100, and not 100.0.
    if text.trim_start_matches('-').starts_with("100") {
        return whole(value.round() as i64);
    }
    text
}

/// With a comma before each three digits.
pub(crate) fn whole(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = if value < 0 {
        "-".to_owned()
    } else {
        String::new()
    };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Short enough to stand at an axis: `0.1`, `20`, `5k`, `1.2M`.
pub(super) fn compact(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        large if large >= 1e9 => (value / 1e9, "G"),
        large if large >= 1e6 => (value / 1e6, "M"),
        large if large >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.3}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (0.012345, "0.0123"),
            (1.2345, "1.23"),
            (-12.345, "-12.3"),
            (99.96, "100"),
            (123.4, "123"),
            (1_234.0, "1,234"),
            (-1_234_567.8, "-1,234,568"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn labels_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.001, "0.001"),
            (2_500.0, "2500"),
            (15_000.0, "15k"),
            (1_200_000.0, "1.2M"),
        ] {
            assert_eq!(compact(value), expected);
        }
    }
}
