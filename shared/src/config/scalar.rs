//! How numbers, words, addresses and durations are written.

use std::time::Duration;

use super::value::Scalar;

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Scalar for $type {
            const KIND: &'static str = "integer";
            fn expected() -> String {
                "a whole number".into()
            }
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
            fn show(&self) -> toml::Value {
                i64::try_from(*self).map_or_else(|_| self.to_string().into(), toml::Value::Integer)
            }
            fn measure(&self) -> Option<f64> {
                Some(*self as f64)
            }
        }
    )*};
}
numbers!(u16, u32, u64, usize);

impl Scalar for f64 {
    const KIND: &'static str = "number";
    fn expected() -> String {
        "a number".into()
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }
    fn show(&self) -> toml::Value {
        toml::Value::Float(*self)
    }
    fn measure(&self) -> Option<f64> {
        Some(*self)
    }
}

impl Scalar for bool {
    const KIND: &'static str = "boolean";
    fn expected() -> String {
        "true or false".into()
    }
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }
    fn show(&self) -> toml::Value {
        toml::Value::Boolean(*self)
    }
}

impl Scalar for String {
    const KIND: &'static str = "text";
    fn expected() -> String {
        "text".into()
    }
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn show(&self) -> toml::Value {
        toml::Value::String(self.clone())
    }
    fn measure(&self) -> Option<f64> {
        Some(self.chars().count() as f64)
    }
    fn expected_within(low: &str, high: &str) -> String {
        format!("text of {low} to {high} characters")
    }
}

impl Scalar for std::net::IpAddr {
    const KIND: &'static str = "IP address";
    fn expected() -> String {
        "an IP address such as 127.0.0.1, 0.0.0.0 or ::".into()
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> toml::Value {
        self.to_string().into()
    }
}

impl Scalar for std::path::PathBuf {
    const KIND: &'static str = "path";
    fn expected() -> String {
        "the path of a file".into()
    }
    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
    fn show(&self) -> toml::Value {
        self.display().to_string().into()
    }
}

impl Scalar for Duration {
    const KIND: &'static str = "duration";
    fn expected() -> String {
        "a duration such as 500ms, 25s, 5m, 24h, 7d or a number of seconds,".into()
    }
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text);
        let seconds = match unit {
            "" | "s" => 1.0,
            "ms" => 0.001,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        Self::try_from_secs_f64(number? * seconds).ok()
    }
    fn show(&self) -> toml::Value {
        show_duration(*self).into()
    }
    fn measure(&self) -> Option<f64> {
        Some(self.as_secs_f64())
    }
    fn show_bound(bound: f64) -> String {
        Self::try_from_secs_f64(bound).map_or_else(|_| bound.to_string(), show_duration)
    }
}

/// The largest unit that leaves a whole number.
fn show_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    if ms == 0 {
        return "0s".into();
    }
    units
        .into_iter()
        .find(|(unit, _)| ms.is_multiple_of(*unit))
        .map_or_else(
            || format!("{ms}ms"),
            |(unit, name)| format!("{}{name}", ms / unit),
        )
}

/// Parts `1.5h` into its number and `h`.
pub(super) fn split_unit(text: &str) -> (Option<f64>, &str) {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    (number.parse().ok(), unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_units_or_seconds() {
        for (text, ms) in [
            ("25s", 25_000),
            ("25", 25_000),
            ("0.5", 500),
            ("500ms", 500),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
            ("1.5h", 5_400_000),
            ("10 s", 10_000),
        ] {
            assert_eq!(
                <Duration as Scalar>::parse(text),
                Some(Duration::from_millis(ms)),
                "{text}"
            );
        }
        for bad in ["", "s", "-1", "1w", "1e3", "5 minutes", "1.2.3s", "NaN"] {
            assert_eq!(<Duration as Scalar>::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_shown_in_their_largest_unit() {
        for text in ["500ms", "25s", "90s", "5m", "23h", "1d", "0s"] {
            let duration = <Duration as Scalar>::parse(text).unwrap();
            assert_eq!(show_duration(duration), text);
        }
    }
}
