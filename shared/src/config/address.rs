//! Origins and URLs.

use std::fmt;
use std::str::FromStr;

use secrecy::ExposeSecret;
use url::Url;

use super::types::Secret;
use super::value::{HIDDEN, Scalar};

/// What goes before a host of which all subdomains are meant.
const ANY_SUBDOMAIN: &str = "*.";

/// Where a page comes from, exactly as a browser writes it in `Origin`:
/// lower case, no path, no default port. With `*.` before its host it is every
/// subdomain of that, however deep, but not the host itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// As in the header `Origin`; or with `*.` before the host.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a page of `origin`, as a browser writes it, is meant.
    pub fn covers(&self, origin: &str) -> bool {
        let Some((scheme, domain)) = self.0.split_once(ANY_SUBDOMAIN) else {
            return self.0 == origin;
        };
        let subdomain = origin
            .strip_prefix(scheme)
            .and_then(|host| host.strip_suffix(domain))
            .and_then(|labels| labels.strip_suffix('.'));
        subdomain.is_some_and(|labels| labels.split('.').all(is_label))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether it could stand between dots in the name of a host (RFC 1123), or has
/// the underscores that some have.
fn is_label(label: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !label.is_empty() && label.bytes().all(is_fit)
}

/// What is wrong with a text that should be an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is a page's scheme://host or scheme://host:port, with *. before host for its \
     subdomains"
)]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, after) = text.split_once("://").ok_or(InvalidOrigin)?;
        // It is the page that has an origin, not the socket that it opens.
        if ["ws", "wss"].contains(&scheme) {
            return Err(InvalidOrigin);
        }
        if let Some(domain) = after.strip_prefix(ANY_SUBDOMAIN) {
            return Self::of_subdomains(scheme, domain);
        }
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        let host = url.host_str().filter(|host| !host.contains(['*', '%']));
        // A lone slash is what people copy from the address bar; a browser
        // sends none, so it is refused here rather than never matched.
        if after.contains(['/', '?', '#', '@', ',']) {
            return Err(InvalidOrigin);
        }
        let host = host.ok_or(InvalidOrigin)?;
        let port = url.port().map(|port| format!(":{port}"));
        Ok(Self(format!(
            "{}://{}{}",
            url.scheme(),
            host.to_ascii_lowercase(),
            port.unwrap_or_default()
        )))
    }
}

impl Origin {
    /// Of more than `*.com`, and of no address, which has no subdomains.
    fn of_subdomains(scheme: &str, domain: &str) -> Result<Self, InvalidOrigin> {
        let origin: Self = format!("{scheme}://{domain}").parse()?;
        let (scheme, domain) = origin.0.split_once("://").ok_or(InvalidOrigin)?;
        let host = domain.split_once(':').map_or(domain, |(host, _)| host);
        let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
        let is_deep = host.contains('.') && host.split('.').all(is_label);
        (is_deep && !is_address)
            .then(|| Self(format!("{scheme}://{ANY_SUBDOMAIN}{domain}")))
            .ok_or(InvalidOrigin)
    }
}

impl Scalar for Origin {
    const KIND: &'static str = "origin";
    fn expected() -> String {
        "the origin of a page, scheme://host or scheme://host:port (https, not wss), without a \
         path, or such as https://*.example.com for the subdomains of a host"
            .into()
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> toml::Value {
        self.0.clone().into()
    }
}

/// An `http` or `https` address without a slash at its end, so that a path can
/// be appended.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// An address known to be one.
    pub(super) fn of(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl Scalar for HttpUrl {
    const KIND: &'static str = "URL";
    // One that is refused may hold a key in its query, or a password wherever it was mistyped.
    const SECRET: bool = true;
    fn expected() -> String {
        "a URL that begins with http:// or https://, and has neither a query nor a fragment".into()
    }
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = url.query().is_none() && url.fragment().is_none();
        (matches!(url.scheme(), "http" | "https") && url.has_host() && plain)
            .then(|| Self(url.as_str().trim_end_matches('/').to_owned()))
    }
    fn show(&self) -> toml::Value {
        without_password(&self.0).into()
    }
}

/// Where Redis is: `redis://`, `rediss://` (TLS), and both with `-cluster` or
/// `-sentinel`, as fred reads them. May hold passwords, so it is a secret.
#[derive(Clone, PartialEq)]
pub struct RedisUrl(Secret);

impl RedisUrl {
    /// One server at `host` and `port`.
    pub(super) fn of_host(host: &str, port: u16, password: Option<&Secret>) -> Option<Self> {
        let host = match host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => host.to_owned(),
        };
        let mut url = Url::parse(&format!("redis://{host}:{port}")).ok()?;
        if let Some(password) = password {
            url.set_password(Some(password.expose_secret())).ok()?;
        }
        Self::parse(url.as_str())
    }
}

impl ExposeSecret<str> for RedisUrl {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(self.expose_secret()))
    }
}

impl Scalar for RedisUrl {
    const KIND: &'static str = "URL";
    const SECRET: bool = true;
    fn expected() -> String {
        "a URL that begins with redis://, rediss://, redis-cluster://, rediss-cluster://, \
         redis-sentinel:// or rediss-sentinel:// and names a host"
            .into()
    }
    fn parse(text: &str) -> Option<Self> {
        let (scheme, _) = text.split_once("://")?;
        let known = matches!(
            scheme
                .strip_prefix("rediss")
                .or(scheme.strip_prefix("redis"))?,
            "" | "-cluster" | "-sentinel"
        );
        let readable = fred::types::config::Config::from_url(text).is_ok();
        (known && readable).then(|| Self(Secret::new(text)))
    }
    fn show(&self) -> toml::Value {
        without_password(self.expose_secret()).into()
    }
}

/// A URL that can be shown: its password and all passwords in its query hidden.
fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return HIDDEN.to_owned();
    };
    let query_is_secret = url
        .query()
        .is_some_and(|query| query.to_ascii_lowercase().contains("password"));
    if url.password().is_none() && !query_is_secret {
        return text.to_owned();
    }
    if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
        return HIDDEN.to_owned();
    }
    if query_is_secret {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let secret = name.to_ascii_lowercase().contains("password");
                let value = if secret { "hidden" } else { value.as_ref() };
                (name.into_owned(), value.to_owned())
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for (text, origin) in [
            ("https://Example.com", "https://example.com"),
            ("https://example.com:443", "https://example.com"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), origin);
        }
        for bad in [
            "",
            "*",
            "null",
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com/chat",
            "https://*.com",
            "https://*",
            "https://a*.example.com",
            "https://*.*.example.com",
            "https://a.*.example.com",
            "https://*.example.com/",
            "https://*.127.0.0.1",
            "https://*.[::1]",
            "https://*.",
            "*.example.com",
            "https://u@example.com",
            "https://a.example,https://b.example",
            "localhost:8080",
            "wss://example.com",
            "ws://*.example.com",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(InvalidOrigin), "{bad}");
        }
    }

    #[test]
    fn a_pattern_covers_subdomains_and_nothing_else() {
        let pattern: Origin = "https://*.Acme.example:8443".parse().unwrap();
        assert_eq!(pattern.as_str(), "https://*.acme.example:8443");
        for (origin, is_covered) in [
            ("https://chat.acme.example:8443", true),
            ("https://a.b-c.acme.example:8443", true),
            ("https://acme.example:8443", false),
            ("https://.acme.example:8443", false),
            ("https://a..acme.example:8443", false),
            ("https://chat.acme.example", false),
            ("http://chat.acme.example:8443", false),
            ("https://evilacme.example:8443", false),
            ("https://chat.acme.example:8443.evil.example", false),
            ("https://evil.example/.acme.example:8443", false),
            ("https://evil.example:1@x.acme.example:8443", false),
            ("https://chat.acme.example:8443/", false),
            ("null", false),
        ] {
            assert_eq!(pattern.covers(origin), is_covered, "{origin}");
        }
        let exact: Origin = "https://acme.example".parse().unwrap();
        assert!(exact.covers("https://acme.example"));
        assert!(!exact.covers("https://chat.acme.example"));
    }

    #[test]
    fn redis_urls_are_those_of_fred() {
        for good in [
            "redis://localhost",
            "rediss://u:p@redis.example:6380/2",
            "redis-cluster://a:7000?node=b:7001",
            "rediss-cluster://a:7000",
            "redis-sentinel://a:26379?sentinelServiceName=main",
        ] {
            assert!(RedisUrl::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis+unix:///run/redis.sock",
            "redis-sentinel://a:26379",
            "redis://",
        ] {
            assert!(RedisUrl::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn nothing_secret_is_ever_shown() {
        let url = "redis-sentinel://u:s3cret@a:1?sentinelServiceName=m&sentinelPassword=s3cret";
        let url = RedisUrl::parse(url).unwrap();
        let secret = Secret::new("s3cret");
        let http = HttpUrl::parse("https://u:s3cret@ai.example/v1/").unwrap();
        let shown = format!(
            "{url:?} {} {secret:?} {} {http:?} {}",
            Scalar::show(&url),
            Scalar::show(&secret),
            Scalar::show(&http)
        );
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("sentinelServiceName=m") && shown.contains("ai.example/v1"));
    }

    #[test]
    fn a_host_becomes_a_url() {
        let url = |host, password: Option<&str>| {
            let password = password.map(Secret::new);
            let url = RedisUrl::of_host(host, 6380, password.as_ref()).unwrap();
            url.expose_secret().to_owned()
        };
        assert_eq!(url("redis.example", None), "redis://redis.example:6380");
        assert_eq!(url("::1", None), "redis://[::1]:6380");
        assert_eq!(
            url("r", Some("p@ss/w:rd")),
            "redis://:p%40ss%2Fw%3Ard@r:6380"
        );
        assert!(RedisUrl::of_host("a b", 1, None).is_none());
    }
}
