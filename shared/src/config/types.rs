//! Values with rules of their own: sizes, secrets, log levels, choices, ids.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::scalar::split_unit;
use super::value::{HIDDEN, Scalar};
use crate::api_key::{KEY_PREFIX, KeyCard};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(usize);

impl Size {
    /// So many bytes.
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// How many bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Scalar for Size {
    const KIND: &'static str = "size";
    fn expected() -> String {
        "a number of bytes, or a size such as 100K, 1M or 2G,".into()
    }
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text);
        let factor: f64 = match unit {
            "" => 1.0,
            "K" | "k" => 1024.0,
            "M" | "m" => 1_048_576.0,
            "G" | "g" => 1_073_741_824.0,
            _ => return None,
        };
        let bytes = number? * factor;
        (bytes.fract() == 0.0 && bytes < usize::MAX as f64).then_some(Self(bytes as usize))
    }
    fn show(&self) -> toml::Value {
        show_size(self.0).into()
    }
    fn measure(&self) -> Option<f64> {
        Some(self.0 as f64)
    }
    fn show_bound(bound: f64) -> String {
        show_size(bound as usize)
    }
}

fn show_size(bytes: usize) -> String {
    [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(
            || bytes.to_string(),
            |(unit, name)| format!("{}{name}", bytes / unit),
        )
}

/// A text that is never shown. Read it with [`ExposeSecret`].
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// A new secret of 256 random bits.
    pub fn generate() -> Self {
        Self::new(format!(
            "{:032x}{:032x}",
            rand::random::<u128>(),
            rand::random::<u128>()
        ))
    }
}

impl ExposeSecret<str> for Secret {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<Secret> for SecretString {
    fn from(secret: Secret) -> Self {
        secret.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Only ever used to find out whether an operator changed a key; a secret sent
/// by a client is compared in constant time, elsewhere.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose_secret() == other.expose_secret()
    }
}

impl Scalar for Secret {
    const KIND: &'static str = "secret";
    const SECRET: bool = true;
    fn expected() -> String {
        "text".into()
    }
    fn parse(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
    fn show(&self) -> toml::Value {
        HIDDEN.into()
    }
    fn measure(&self) -> Option<f64> {
        Some(self.expose_secret().chars().count() as f64)
    }
    fn expected_within(low: &str, high: &str) -> String {
        format!("text of {low} to {high} characters")
    }
}

/// Which log lines are written: a level, or a filter such as
/// `info,causerie_gateway=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// As `tracing`'s `EnvFilter` reads it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".into())
    }
}

impl Scalar for LogFilter {
    const KIND: &'static str = "log level";
    fn expected() -> String {
        "off, error, warn, info, debug, trace or a filter such as info,causerie_gateway=debug"
            .into()
    }
    fn parse(text: &str) -> Option<Self> {
        // A lone word that is no level would be taken for a module's name.
        let level = text.parse::<tracing::level_filters::LevelFilter>().is_ok() && !text.is_empty();
        let filter = text.contains('=') && tracing_subscriber::EnvFilter::try_new(text).is_ok();
        (level || filter).then(|| Self(text.to_owned()))
    }
    fn show(&self) -> toml::Value {
        self.0.clone().into()
    }
}

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// As it stands in the configuration.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Scalar for $name {
            const KIND: &'static str = "choice";
            fn expected() -> String {
                format!("one of {}", [$($text),*].join(", "))
            }
            fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
            fn show(&self) -> toml::Value {
                self.as_str().into()
            }
        }
    };
}

choice!(
    /// What answers questions.
    Backend {
        /// Built in and deterministic: repeats the question at a set pace.
        Echo = "echo",
        /// Any server that speaks OpenAI's chat completions.
        OpenAi = "openai",
        /// Anthropic's Messages.
        Anthropic = "anthropic",
    }
);

choice!(
    /// How log lines look.
    LogFormat {
        /// Pretty on a terminal, else JSON.
        Auto = "auto",
        /// For people.
        Pretty = "pretty",
        /// One JSON object a line.
        Json = "json",
    }
);

choice!(
    /// How a token may be signed.
    JwtAlgorithm {
        /// HMAC with SHA-256, by a shared secret.
        Hs256 = "HS256",
        /// RSA PKCS#1 with SHA-256.
        Rs256 = "RS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
);

choice!(
    /// What those use who are not told to use WebSockets.
    Fallback {
        /// Server-Sent Events.
        Streaming = "streaming",
        /// Requests alone.
        Http = "http",
    }
);

choice!(
    /// A version of TLS.
    TlsVersion {
        /// TLS 1.2 (RFC 5246).
        V12 = "1.2",
        /// TLS 1.3 (RFC 8446).
        V13 = "1.3",
    }
);

macro_rules! ids {
    ($($type:ty),*) => {$(
        impl Scalar for $type {
            const KIND: &'static str = "id";
            fn expected() -> String {
                "1–128 of A-Z a-z 0-9 . _ ~ -".into()
            }
            fn parse(text: &str) -> Option<Self> {
                Self::new(text).ok()
            }
            fn show(&self) -> toml::Value {
                self.as_str().into()
            }
        }
    )*};
}
ids!(
    crate::ids::TenantId,
    crate::ids::TenantHash,
    crate::ids::ProjectId
);

impl Scalar for KeyCard {
    const KIND: &'static str = "API key";
    // It holds a hash of the key.
    const SECRET: bool = true;
    fn expected() -> String {
        "`ck_ID scopes=… hash=… name=…`, as `keys create` prints it".into()
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> toml::Value {
        format!("{KEY_PREFIX}{} {HIDDEN}", self.id).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_powers_of_1024() {
        for (text, bytes) in [
            ("102400", 102_400),
            ("100K", 102_400),
            ("1M", 1 << 20),
            ("2G", 2 << 30),
            ("1.5K", 1536),
        ] {
            assert_eq!(Size::parse(text), Some(Size::new(bytes)), "{text}");
        }
        for bad in ["", "K", "-1", "1.5", "10KB", "1T"] {
            assert_eq!(Size::parse(bad), None, "{bad}");
        }
        assert_eq!(show_size(102_400), "100K");
        assert_eq!(show_size(1_000), "1000");
        assert_eq!(show_size(0), "0");
    }

    #[test]
    fn log_levels_are_words_or_filters() {
        for good in [
            "off",
            "warn",
            "DEBUG",
            "info,causerie_gateway=debug",
            "fred=warn",
        ] {
            assert!(LogFilter::parse(good).is_some(), "{good}");
        }
        for bad in ["", "loud", "info,", "causerie=loud"] {
            assert!(LogFilter::parse(bad).is_none(), "{bad}");
        }
    }
}
