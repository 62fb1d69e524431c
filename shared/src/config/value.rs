//! How the value of one key is read, checked and shown.

use std::time::Duration;

use super::error::{ConfigError, Source};
use super::section::Defaults;

/// Lowest and highest number, seconds, bytes or characters allowed.
pub(super) type Range = Option<(f64, f64)>;

/// One value as a layer gives it.
pub(super) struct Given<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a toml::Value,
    pub(super) from: &'a Source,
    pub(super) defaults: &'a Defaults,
    pub(super) range: Range,
}

impl Given<'_> {
    /// The error that says what `T` may be.
    pub(super) fn refuse<T: Value>(&self) -> ConfigError {
        let value = if T::SECRET {
            HIDDEN.to_owned()
        } else {
            shorten(&plain(self.value))
        };
        ConfigError::BadValue {
            key: self.key.to_owned(),
            value,
            from: self.from.clone(),
            expected: T::expected(self.range),
        }
    }
}

/// What is shown instead of a secret.
pub(super) const HIDDEN: &str = "[hidden]";

/// What the value of a key may be: a scalar, or a list or an option of scalars.
pub(super) trait Value: Sized {
    /// The type's name in the reference.
    const KIND: &'static str;
    /// Whether the value must never be shown.
    const SECRET: bool = false;
    /// What is allowed, to follow "must be".
    fn expected(range: Range) -> String;
    /// Reads the value that a layer gives.
    fn read(given: &Given<'_>) -> Result<Self, ConfigError>;
    /// The value as TOML, secrets hidden; `None` where it is not set.
    fn show(&self) -> Option<toml::Value>;
}

/// A value that is written as one word.
pub(super) trait Scalar: Sized {
    const KIND: &'static str;
    const SECRET: bool = false;
    /// What is allowed, ranges apart, to follow "must be".
    fn expected() -> String;
    fn parse(text: &str) -> Option<Self>;
    fn show(&self) -> toml::Value;
    /// What a range is compared with: number, seconds, bytes or characters.
    fn measure(&self) -> Option<f64> {
        None
    }
    /// Writes one end of a range.
    fn show_bound(bound: f64) -> String {
        bound.to_string()
    }
    /// What is allowed, with both ends of its range.
    fn expected_within(low: &str, high: &str) -> String {
        format!("{} from {low} to {high}", Self::expected())
    }
}

impl<T: Scalar> Value for T {
    const KIND: &'static str = T::KIND;
    const SECRET: bool = T::SECRET;

    fn expected(range: Range) -> String {
        match range {
            Some((low, high)) => T::expected_within(&T::show_bound(low), &T::show_bound(high)),
            None => T::expected(),
        }
    }

    fn read(given: &Given<'_>) -> Result<Self, ConfigError> {
        scalar(given.value)
            .and_then(|text| T::parse(text.trim()))
            .filter(|value| in_range(value, given.range))
            .ok_or_else(|| given.refuse::<T>())
    }

    fn show(&self) -> Option<toml::Value> {
        Some(Scalar::show(self))
    }
}

impl<T: Scalar> Value for Option<T> {
    const KIND: &'static str = T::KIND;
    const SECRET: bool = T::SECRET;

    fn expected(range: Range) -> String {
        <T as Value>::expected(range)
    }

    fn read(given: &Given<'_>) -> Result<Self, ConfigError> {
        if given.value.as_str().is_some_and(|text| text.is_empty()) {
            return Ok(None);
        }
        <T as Value>::read(given).map(Some)
    }

    fn show(&self) -> Option<toml::Value> {
        self.as_ref().map(Scalar::show)
    }
}

impl<T: Scalar> Value for Vec<T> {
    const KIND: &'static str = "list";

    fn expected(_: Range) -> String {
        format!("a list, each of it {}", T::expected())
    }

    /// A TOML or JSON array, or words with commas between them.
    fn read(given: &Given<'_>) -> Result<Self, ConfigError> {
        let items = match given.value {
            toml::Value::Array(items) => items.clone(),
            toml::Value::String(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).map_err(|_| given.refuse::<Self>())?
            }
            toml::Value::String(text) => text
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(|word| toml::Value::String(word.to_owned()))
                .collect(),
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Table(_) => return Err(given.refuse::<Self>()),
        };
        items
            .iter()
            .map(|item| {
                let item = Given {
                    value: item,
                    ..*given
                };
                <T as Value>::read(&item)
            })
            .collect()
    }

    fn show(&self) -> Option<toml::Value> {
        Some(toml::Value::Array(self.iter().map(Scalar::show).collect()))
    }
}

fn in_range<T: Scalar>(value: &T, range: Range) -> bool {
    match (value.measure(), range) {
        (Some(measure), Some((low, high))) => (low..=high).contains(&measure),
        (None, _) | (_, None) => true,
    }
}

/// All layers agree on text, so that `port = 8080`, `port = "8080"` and
/// `WEBSOCKET_PORT=8080` are one and the same.
fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Array(_) | toml::Value::Table(_) => None,
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => Some(plain(value)),
    }
}

/// The value as a person writes it, without quotes.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => value.to_string(),
    }
}

/// Keeps a sentence a sentence, whatever was given.
fn shorten(text: &str) -> String {
    const MOST: usize = 100;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST {
        return line;
    }
    line.chars().take(MOST).chain(['…']).collect()
}

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

    #[test]
    fn a_long_value_is_cut_and_kept_on_one_line() {
        let shown = shorten(&"a\nb ".repeat(500));
        assert!(shown.ends_with('…') && !shown.contains('\n'));
        assert_eq!(shown.chars().count(), 101);
    }
}
