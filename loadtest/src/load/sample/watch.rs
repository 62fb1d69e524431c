//! What is to be looked at, as it is named on a command line.

use std::str::FromStr;

use clap::Args;
use url::Url;

use super::Which;

/// What is to be looked at each second. One process of clients is told, on each
/// machine; it also looks at the machine, and all look at themselves.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What to look at each second")]
pub struct Watch {
    /// A process of what is measured; a negative PID is a process group
    #[arg(long = "server", value_name = "NAME=PID", allow_hyphen_values = true)]
    pub servers: Vec<WatchedProcess>,
    /// A process that stores for it, a Redis for example
    #[arg(long, value_name = "NAME=PID", allow_hyphen_values = true)]
    pub storage: Vec<WatchedProcess>,
    /// A node of Redis that tells of itself: redis-1=redis://127.0.0.1:6379
    #[arg(long = "redis", value_name = "NAME=URL")]
    pub redis: Vec<WatchedRedis>,
}

/// A process, or a group of processes, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedProcess {
    /// What it is called in a report.
    pub name: String,
    /// Which it is.
    pub which: Which,
}

/// A node of Redis, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedRedis {
    /// What it is called in a report.
    pub name: String,
    /// Where it is.
    pub url: Url,
}

impl Watch {
    /// Whether there is something to look at.
    pub fn is_told(&self) -> bool {
        !(self.servers.is_empty() && self.storage.is_empty() && self.redis.is_empty())
    }
}

impl FromStr for WatchedProcess {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (name, id) = named(text)?;
            let which = match id.strip_prefix('-') {
                None => Which::One(id.parse().ok()?),
                Some(group) => Which::Group(group.parse().ok()?),
            };
            let name = name.to_owned();
            Some(Self { name, which })
        };
        read().ok_or_else(|| format!("\"{text}\" is not NAME=PID, such as gateway-1=4711"))
    }
}

impl FromStr for WatchedRedis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (name, url) = named(text)?;
            let url = Url::parse(url).ok().filter(|url| url.scheme() == "redis")?;
            let name = name.to_owned();
            Some(Self { name, url })
        };
        read().ok_or_else(|| {
            format!("\"{text}\" is not NAME=URL, such as redis-1=redis://127.0.0.1:6379")
        })
    }
}

fn named(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_groups_and_nodes_are_named() {
        let of = |text: &str| text.parse::<WatchedProcess>().map(|of| of.which);
        assert_eq!(of("gateway-1=4711"), Ok(Which::One(4711)));
        assert_eq!(of("node=-4711"), Ok(Which::Group(4711)));
        for wrong in ["4711", "=4711", "a=", "a=b", "a=--1"] {
            let error = of(wrong).unwrap_err();
            assert!(
                error.contains(wrong) && error.contains("NAME=PID"),
                "{error}"
            );
        }
        let redis: WatchedRedis = "r=redis://:secret@127.0.0.1:1".parse().unwrap();
        assert_eq!((redis.name.as_str(), redis.url.port()), ("r", Some(1)));
        assert!("r=rediss://127.0.0.1".parse::<WatchedRedis>().is_err());
    }
}
