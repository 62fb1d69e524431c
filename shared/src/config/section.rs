//! One table of keys from which everything else follows: the typed settings,
//! names of environment variables, checks, what is printed, and the reference.

use std::collections::BTreeMap;

use super::error::{ConfigError, Source};
use super::types::Secret;
use super::value::{Given, Range};

/// Which program reads the configuration; some defaults depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `causerie`: gateway, broker and an in-memory bus in one process.
    Standalone,
    /// `causerie-gateway`.
    Gateway,
    /// `causerie-broker`.
    Broker,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 3] = [Self::Standalone, Self::Gateway, Self::Broker];

    /// The name of its command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standalone => "causerie",
            Self::Gateway => "causerie-gateway",
            Self::Broker => "causerie-broker",
        }
    }

    /// Whether clients connect to it.
    pub const fn has_clients(self) -> bool {
        match self {
            Self::Standalone | Self::Gateway => true,
            Self::Broker => false,
        }
    }
}

/// What defaults depend on: made once at the start, so that reading the
/// configuration again changes none of it.
#[derive(Clone)]
pub(super) struct Defaults {
    pub(super) program: Program,
    pub(super) node_name: String,
    pub(super) visitor_secret: Option<Secret>,
}

/// One value, and the layer it came from.
pub(super) struct Entry {
    pub(super) value: toml::Value,
    pub(super) from: Source,
}

/// All values given, by their keys' full names; the strongest layer's only.
pub(super) type Entries = BTreeMap<String, Entry>;

/// A line of the reference.
pub(super) enum Item {
    Section {
        name: String,
        meaning: String,
    },
    Key {
        name: String,
        kind: &'static str,
        allowed: String,
        default: Option<toml::Value>,
        meaning: String,
    },
}

/// A part of the settings whose keys begin with one prefix.
pub(super) trait Section: Sized {
    /// Lists the section's keys.
    fn describe(prefix: &str, defaults: &Defaults, out: &mut Vec<Item>);
    /// Takes the section's values from `entries`, or its defaults.
    fn read(prefix: &str, entries: &Entries, defaults: &Defaults) -> Result<Self, ConfigError>;
    /// Writes the values in effect, secrets hidden, by the keys' full names.
    fn show(&self, prefix: &str, out: &mut BTreeMap<String, toml::Value>);
    /// Names the keys whose values differ.
    fn differences(&self, other: &Self, prefix: &str, out: &mut Vec<String>);
}

/// The full name of `key` under `prefix`.
pub(super) fn join(prefix: &str, key: &str) -> String {
    match (prefix, key) {
        ("", key) => key.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, key) => format!("{prefix}.{key}"),
    }
}

/// The environment variable of a key.
pub(crate) fn environment_name(key: &str) -> String {
    key.replace('.', "_").to_ascii_uppercase()
}

/// A second environment variable of a key: the name that what Causerie replaces had
/// for it, or that all programs have.
pub(super) fn environment_alias(key: &str) -> Option<&'static str> {
    match key {
        "rollout.percentage" => Some("WEBSOCKET_ROLLOUT_PERCENTAGE"),
        "telemetry.otlp_endpoint" => Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        _ => None,
    }
}

/// Reads one key, or makes its default.
pub(super) fn read_key<T: super::value::Value>(
    key: &str,
    entries: &Entries,
    defaults: &Defaults,
    range: Range,
    default: Option<fn(&Defaults) -> T>,
) -> Result<T, ConfigError> {
    match entries.get(key) {
        None => default.map(|make| make(defaults)).ok_or_else(|| {
            ConfigError::rule(format!(
                "{key} is not set: it must be {}",
                T::expected(range)
            ))
        }),
        Some(Entry { value, from }) => T::read(&Given {
            key,
            value,
            from,
            defaults,
            range,
        }),
    }
}

/// Joins the lines of a doc comment.
pub(super) fn paragraph(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Makes a settings struct and its [`Section`] from one table.
///
/// A key is `name: Type = default;` or `name: Type => |defaults| default;`, or
/// must be given where there is neither; with `, in low..=high` the value (or
/// its length) is bounded. `with` names the sections within this one.
macro_rules! section {
    (
        $(#[doc = $meaning:literal])+
        $name:ident {
            $(
                $(#[doc = $key_meaning:literal])+
                $key:ident: $type:ty $(= $default:expr)? $(=> $by:expr)? $(, in $low:literal..=$high:literal)?;
            )*
        }
        $(with { $( $(#[doc = $sub_meaning:literal])+ $sub:ident: $sub_type:ty = $sub_name:literal; )* })?
    ) => {
        $(#[doc = $meaning])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $key_meaning])+ pub $key: $type, )*
            $($( $(#[doc = $sub_meaning])+ pub $sub: $sub_type, )*)?
        }

        impl $crate::config::section::Section for $name {
            #[allow(unused_variables, reason = "a section may have no keys")]
            fn describe(
                prefix: &str,
                defaults: &$crate::config::section::Defaults,
                out: &mut Vec<$crate::config::section::Item>,
            ) {
                use $crate::config::section::{Item, join, paragraph};
                use $crate::config::value::{Range, Value};
                out.push(Item::Section {
                    name: prefix.to_owned(),
                    meaning: paragraph(&[$($meaning),+]),
                });
                $({
                    let range: Range = section!(@range $($low, $high)?);
                    let default: Option<fn(&$crate::config::section::Defaults) -> $type> =
                        section!(@default $($default)? $(, $by)?);
                    out.push(Item::Key {
                        name: join(prefix, stringify!($key)),
                        kind: <$type as Value>::KIND,
                        allowed: <$type as Value>::expected(range),
                        default: default.and_then(|make| Value::show(&make(defaults))),
                        meaning: paragraph(&[$($key_meaning),+]),
                    });
                })*
                $($(
                    <$sub_type as $crate::config::section::Section>::describe(
                        &join(prefix, $sub_name), defaults, out,
                    );
                )*)?
            }

            fn read(
                prefix: &str,
                entries: &$crate::config::section::Entries,
                defaults: &$crate::config::section::Defaults,
            ) -> Result<Self, $crate::config::ConfigError> {
                use $crate::config::section::join;
                Ok(Self {
                    $($key: $crate::config::section::read_key(
                        &join(prefix, stringify!($key)),
                        entries,
                        defaults,
                        section!(@range $($low, $high)?),
                        section!(@default $($default)? $(, $by)?),
                    )?,)*
                    $($( $sub: $crate::config::section::Section::read(
                        &join(prefix, $sub_name), entries, defaults,
                    )?, )*)?
                })
            }

            fn show(
                &self,
                prefix: &str,
                out: &mut std::collections::BTreeMap<String, toml::Value>,
            ) {
                use $crate::config::section::join;
                $(
                    if let Some(value) = $crate::config::value::Value::show(&self.$key) {
                        out.insert(join(prefix, stringify!($key)), value);
                    }
                )*
                $($( $crate::config::section::Section::show(
                    &self.$sub, &join(prefix, $sub_name), out,
                ); )*)?
            }

            fn differences(&self, other: &Self, prefix: &str, out: &mut Vec<String>) {
                use $crate::config::section::join;
                $(
                    if self.$key != other.$key {
                        out.push(join(prefix, stringify!($key)));
                    }
                )*
                $($( $crate::config::section::Section::differences(
                    &self.$sub, &other.$sub, &join(prefix, $sub_name), out,
                ); )*)?
            }
        }
    };
    (@range) => { None };
    (@range $low:literal, $high:literal) => { Some(($low as f64, $high as f64)) };
    (@default) => { None };
    (@default $default:expr) => { Some(|_| $default) };
    (@default , $by:expr) => { Some($by) };
}
pub(super) use section;
