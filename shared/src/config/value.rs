//! How the value of one key is read, checked and shown.

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
        self.refuse_as(format!("is `{value}`"), T::expected(self.range))
    }

    /// The error that says what the value is, and what it must be.
    pub(super) fn refuse_as(
        &self,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) -> ConfigError {
        ConfigError::BadValue {
            key: self.key.to_owned(),
            what: what.into(),
            from: self.from.clone(),
            expected: expected.into(),
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
        let value = scalar(given.value).and_then(|text| T::parse(text.trim()));
        let value = value.ok_or_else(|| given.refuse::<T>())?;
        match value.measure() {
            _ if in_range(&value, given.range) => Ok(value),
            // Of a secret that much can be told.
            Some(characters) if T::SECRET => Err(given.refuse_as(
                format!("has {characters} characters"),
                <T as Value>::expected(given.range),
            )),
            Some(_) | None => Err(given.refuse::<T>()),
        }
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
    const SECRET: bool = T::SECRET;

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
        let read = |(index, item)| {
            // One that is not shown is told by its place.
            let place = format!("{}[{index}]", given.key);
            let item = Given {
                key: if T::SECRET { &place } else { given.key },
                value: item,
                ..*given
            };
            <T as Value>::read(&item)
        };
        items.iter().enumerate().map(read).collect()
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
pub(super) fn plain(value: &toml::Value) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_kept_on_one_line() {
        let shown = shorten(&"a\nb ".repeat(500));
        assert!(shown.ends_with('…') && !shown.contains('\n'));
        assert_eq!(shown.chars().count(), 101);
    }
}
