//! What the backends that speak HTTP have in common: the request, its errors, its events.

use std::error::Error;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use url::{Host, Url};

use super::sse::Decoder;
use super::{BackendError, Chunk, ChunkStream, Done, ErrorKind, Prompt};

/// Error bodies are read up to here; an error's code stands at their beginning.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// How long a connection is kept for further use. A network may forget it without a word, and
/// what is asked over it then waits in vain.
const KEPT_FOR: Duration = Duration::from_secs(15);

/// How often a connection that many calls share is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How long is waited for what matters little: an error's body, the rest behind a whole reply.
const MAX_REST: Duration = Duration::from_secs(1);

/// A backend's settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The base URL's scheme is not HTTP.
    #[error("ai.{backend}.base_url: must begin with http:// or https://")]
    BaseUrl {
        /// The backend, by its name in configuration.
        backend: &'static str,
    },
    /// The key cannot be sent.
    #[error("ai.{backend}.api_key: holds a character that cannot be sent, such as a line break")]
    ApiKey {
        /// The backend, by its name in configuration.
        backend: &'static str,
    },
    /// TLS could not be set up.
    #[error("the HTTPS client could not be made: {0}")]
    Tls(#[source] reqwest::Error),
}

/// One URL of a provider, and how to ask it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    backend: &'static str,
    url: Url,
    place: String,
    headers: HeaderMap,
    client: Client,
    /// The same, but it keeps no connection for further use.
    client_anew: Client,
}

/// How a provider's events become chunks.
pub(crate) trait Dialect: Send + Sync + 'static {
    /// Takes an event's data; [`Chunk::Done`] ends the reply.
    fn on_event(&mut self, data: &str) -> Result<Option<Chunk>, BackendError>;

    /// How the reply ended, if it is whole as it stands: nothing more need come.
    fn whole(&self) -> Option<Done>;
}

impl Endpoint {
    /// The endpoint `path` under `base_url`, which may end in a slash, and in `/v1` or not.
    pub(crate) fn new(
        backend: &'static str,
        base_url: &Url,
        path: &str,
        connect_timeout: Duration,
    ) -> Result<Self, ConfigError> {
        if !matches!(base_url.scheme(), "http" | "https") {
            return Err(ConfigError::BaseUrl { backend });
        }
        let base = base_url.path().trim_end_matches('/');
        let version = if base.is_empty() { "/v1" } else { "" };
        let mut url = base_url.clone();
        url.set_path(&format!("{base}{version}/{path}"));

        // A redirect would carry the key to wherever it points, and make a GET of the POST.
        let client = || {
            let client = Client::builder()
                .connect_timeout(connect_timeout)
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("causerie/", env!("CARGO_PKG_VERSION")))
                .pool_idle_timeout(KEPT_FOR)
                .http2_keep_alive_interval(PING_EVERY)
                .http2_keep_alive_timeout(PING_EVERY);
            // No proxy reaches what listens on this machine only.
            if is_loopback(&url) {
                client.no_proxy()
            } else {
                client
            }
        };
        let client_anew = client().pool_max_idle_per_host(0).build();
        let client = client().build().map_err(ConfigError::Tls)?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}"));
        Ok(Self {
            backend,
            place: format!("{host}{}", port.unwrap_or_default()),
            url,
            headers: HeaderMap::new(),
            client,
            client_anew: client_anew.map_err(ConfigError::Tls)?,
        })
    }

    /// Sends a header with each request.
    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Sends the key, after `prefix`, as a header with each request.
    pub(crate) fn with_key(
        mut self,
        name: &'static str,
        prefix: &str,
        key: Option<&SecretString>,
    ) -> Result<Self, ConfigError> {
        if let Some(key) = key {
            let mut value = HeaderValue::try_from(format!("{prefix}{}", key.expose_secret()))
                .map_err(|_| ConfigError::ApiKey {
                    backend: self.backend,
                })?;
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        Ok(self)
    }

    /// The host that is asked.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host that is asked, and its port where it is not the usual one: for logs, without what
    /// else the URL may hold.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Posts `body`, and streams what comes back.
    pub(crate) fn stream(
        &self,
        prompt: &Prompt,
        body: &impl Serialize,
        dialect: impl Dialect,
    ) -> ChunkStream {
        let client = if prompt.anew {
            &self.client_anew
        } else {
            &self.client
        };
        let mut request = client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header("accept", "text/event-stream")
            .header("x-causerie-call", prompt.call.to_string())
            .json(body);
        // It comes from the client, so a bad one must not fail the call.
        let traceparent = prompt.traceparent.as_deref().map(HeaderValue::try_from);
        if let Some(Ok(traceparent)) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        let reply = Reply {
            backend: self.backend,
            request: Some(request),
            response: None,
            decoder: Decoder::default(),
            dialect,
        };
        Box::pin(stream::unfold(Some(reply), |reply| async move {
            let mut reply = reply?;
            let item = reply.next().await;
            match &item {
                Ok(Chunk::Thinking | Chunk::Text(_)) => return Some((item, Some(reply))),
                Ok(Chunk::Done(_)) => reply.response.take().into_iter().for_each(let_finish),
                Err(_) => {}
            }
            Some((item, None))
        }))
    }
}

/// A reply on its way.
struct Reply<D> {
    backend: &'static str,
    request: Option<RequestBuilder>,
    response: Option<Response>,
    decoder: Decoder,
    dialect: D,
}

impl<D: Dialect> Reply<D> {
    async fn next(&mut self) -> Result<Chunk, BackendError> {
        if let Some(request) = self.request.take() {
            self.response = Some(self.send(request).await?);
        }
        loop {
            while let Some(data) = self.decoder.pop() {
                if let Some(chunk) = self.dialect.on_event(&data)? {
                    return Ok(chunk);
                }
            }
            match self.piece().await {
                Ok(Some(bytes)) => self
                    .decoder
                    .push(&bytes)
                    .map_err(|error| self.error(ErrorKind::Malformed, error.to_string()))?,
                Ok(None) => return self.end("the stream ended"),
                Err(error) => return self.end(&cause(&error)),
            }
        }
    }

    /// The next bytes. Behind a reply that is whole they are waited for only a little: some
    /// servers neither say that it is nor close the connection.
    async fn piece(&mut self) -> reqwest::Result<Option<Bytes>> {
        let Some(response) = &mut self.response else {
            return Ok(None);
        };
        if self.dialect.whole().is_some() {
            let rest = timeout(MAX_REST, response.chunk()).await;
            return rest.unwrap_or(Ok(None));
        }
        response.chunk().await
    }

    fn end(&mut self, cause: &str) -> Result<Chunk, BackendError> {
        self.dialect
            .whole()
            .map(Chunk::Done)
            .ok_or_else(|| self.error(ErrorKind::BrokeOff, cause))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, BackendError> {
        let response = request.send().await.map_err(|error| {
            let kind = if error.is_connect() {
                ErrorKind::Unavailable
            } else if error.is_builder() {
                ErrorKind::BadRequest
            } else {
                ErrorKind::BrokeOff
            };
            self.error(kind, cause(&error))
        })?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        match response.headers().get(CONTENT_TYPE) {
            Some(kind) if !kind.as_bytes().starts_with(b"text/event-stream") => {
                Err(self.error(ErrorKind::Malformed, "not an event stream"))
            }
            Some(_) | None => Ok(response),
        }
    }

    async fn refusal(&self, mut response: Response) -> BackendError {
        let status = response.status().as_u16();
        let kind = kind_of_status(status, retry_after(response.headers()));
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(bytes)) = response.chunk().await {
                body.extend_from_slice(&bytes);
                if body.len() > MAX_ERROR_BYTES {
                    break;
                }
            }
        };
        // The status says enough, where the rest does not come.
        let _ = timeout(MAX_REST, read).await;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = error_code(body.get("error").unwrap_or(&Value::Null));
        let detail = match code {
            Some(code) => format!("HTTP {status}, {code}"),
            None => format!("HTTP {status}"),
        };
        self.error(kind, detail)
    }

    fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> BackendError {
        BackendError::new(kind, self.backend, detail)
    }
}

/// Reads what little follows a complete reply, so that its connection can be used again. Nobody
/// waits for it.
fn let_finish(mut response: Response) {
    let rest = async move { while let Ok(Some(_)) = response.chunk().await {} };
    tokio::spawn(timeout(MAX_REST, rest));
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What a status that is no success means.
pub(crate) fn kind_of_status(status: u16, retry_after: Option<Duration>) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Unauthorized,
        429 => ErrorKind::RateLimited { retry_after },
        500.. => ErrorKind::Overloaded { retry_after },
        _ => ErrorKind::BadRequest,
    }
}

/// The code, or else the type, of a provider's error object, where it is fit for a log: a short
/// name, never a sentence.
pub(crate) fn error_code(error: &Value) -> Option<String> {
    ["code", "type"]
        .into_iter()
        .filter_map(|key| error.get(key))
        .find_map(|code| {
            let code = code
                .as_str()
                .map_or_else(|| code.to_string(), str::to_owned);
            let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            (code != "null" && code.len() <= 64 && !code.is_empty() && code.chars().all(fit))
                .then_some(code)
        })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|ms| ms / 1000.0)
        .or_else(|| number("retry-after"));
    match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => until(headers.get("retry-after")?.to_str().ok()?),
    }
}

/// How long it is until an HTTP date, which proxies send rather than seconds.
fn until(date: &str) -> Option<Duration> {
    let at = httpdate::parse_http_date(date.trim()).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The innermost cause. The outer ones repeat the URL, which may hold a password.
fn cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(Error::source) {
        cause = Some(inner);
    }
    cause.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(base: &str, path: &str) -> String {
        let base = Url::parse(base).unwrap();
        Endpoint::new("openai", &base, path, Duration::from_secs(1))
            .unwrap()
            .url
            .to_string()
    }

    #[test]
    fn takes_a_base_url_with_and_without_slash_and_version() {
        for base in [
            "http://h:1",
            "http://h:1/",
            "http://h:1/v1",
            "http://h:1/v1/",
        ] {
            assert_eq!(
                url_of(base, "chat/completions"),
                "http://h:1/v1/chat/completions"
            );
        }
        assert_eq!(
            url_of("https://h/api/v3/?v=2", "messages"),
            "https://h/api/v3/messages?v=2"
        );
    }

    #[test]
    fn its_place_is_told_without_secrets() {
        for (base, place) in [
            ("http://user:s3cret@h:11434/v1?key=s3cret", "h:11434"),
            ("https://[::1]:8/", "[::1]:8"),
            ("https://api.example", "api.example"),
        ] {
            let base = Url::parse(base).unwrap();
            let endpoint = Endpoint::new("openai", &base, "x", Duration::from_secs(1)).unwrap();
            assert_eq!(endpoint.place(), place);
        }
    }

    #[test]
    fn refuses_what_cannot_work() {
        let ftp = Url::parse("ftp://h").unwrap();
        assert!(Endpoint::new("openai", &ftp, "x", Duration::from_secs(1)).is_err());
        let base = Url::parse("http://h").unwrap();
        let endpoint = Endpoint::new("openai", &base, "x", Duration::from_secs(1)).unwrap();
        let error = endpoint
            .with_key("x-api-key", "", Some(&"sk-secret\n".into()))
            .unwrap_err();
        assert!(error.to_string().starts_with("ai.openai.api_key: "));
        assert!(!format!("{error:?}").contains("secret"));
    }

    #[test]
    fn reads_both_retry_after_headers() {
        let headers = |name: &'static str, value| {
            HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
        };
        let ms = Duration::from_millis;
        assert_eq!(retry_after(&headers("retry-after", "2")), Some(ms(2000)));
        assert_eq!(
            retry_after(&headers("retry-after-ms", "250")),
            Some(ms(250))
        );
        let past = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(retry_after(&headers("retry-after", past)), Some(ms(0)));
        let future = "Fri, 21 Oct 2095 07:28:00 GMT";
        assert!(retry_after(&headers("retry-after", future)) > Some(ms(1_000_000)));
        for bad in ["-1", "NaN", "tomorrow", "1e300"] {
            assert_eq!(retry_after(&headers("retry-after", bad)), None);
        }
    }

    #[test]
    fn an_error_code_is_a_short_name_only() {
        let code = |json: &str| error_code(&serde_json::from_str(json).unwrap());
        assert_eq!(
            code(r#"{"code":null,"type":"rate_limit"}"#).as_deref(),
            Some("rate_limit")
        );
        assert_eq!(code(r#"{"code":400}"#).as_deref(), Some("400"));
        assert_eq!(code(r#"{"code":"key sk-secret is wrong"}"#), None);
        assert_eq!(code("null"), None);
    }
}
