//! Every key of the configuration, with its default and what is allowed.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use super::address::{HttpUrl, Origin, RedisUrl};
use super::audit::Audit;
use super::filter::Filter;
use super::limits::Limits;
use super::network::Cidr;
use super::presence::Presence;
use super::price::Price;
use super::rollout::Rollout;
use super::section::{Program, section};
use super::status::Status;
use super::tenant::Tenant;
use super::tls::Tls;
use super::types::{Backend, JwtAlgorithm, LogFilter, LogFormat, Secret, Size};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const EVERYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// Everything that can be configured.
    Settings {
        /// The customers of this installation, each a `[[tenants]]` in the file,
        /// or all of them as a JSON array. With none, `causerie` has one tenant
        /// `demo` (hash `demo`) that takes visitors from its own address.
        tenants: Vec<Tenant> = Vec::new();
    }
    with {
        /// The public listener.
        websocket: Websocket = "websocket";
        /// Encryption of the public listener.
        tls: Tls = "tls";
        /// The listener for operators.
        admin: Admin = "admin";
        /// The Redis that gateways and brokers share.
        redis: Redis = "redis";
        /// Who may connect.
        auth: Auth = "auth";
        /// How much one client may ask for.
        limits: Limits = "limits";
        /// Words that people may not write, or not unseen.
        filter: Filter = "filter";
        /// Who is told to use WebSockets.
        rollout: Rollout = "rollout";
        /// What is kept of who did what.
        audit: Audit = "audit";
        /// How questions are answered.
        ai: Ai = "ai";
        /// What rooms remember.
        history: History = "history";
        /// Live delivery.
        realtime: Realtime = "realtime";
        /// Who is in a room.
        presence: Presence = "presence";
        /// How the installation fares.
        status: Status = "status";
        /// Logs, traces and metrics.
        telemetry: Telemetry = "telemetry";
        /// This process.
        node: Node = "node";
    }
}

section! {
    /// The public listener: WebSocket, Server-Sent Events and HTTP.
    Websocket {
        /// Whether WebSockets are served. Server-Sent Events and HTTP always are.
        enabled: bool = true;
        /// Whether the demo page is served at `/`.
        demo_page: bool => |defaults| match defaults.program {
            Program::Standalone => true,
            Program::Gateway | Program::Broker => false,
        };
        /// Address to listen on. `0.0.0.0` is every IPv4 address, `::` every
        /// address.
        bind: IpAddr => |defaults| match defaults.program {
            Program::Standalone | Program::Broker => LOOPBACK,
            Program::Gateway => EVERYWHERE,
        };
        /// Port to listen on; 0 takes any free one.
        port: u16 = 8080, in 0..=65535;
        /// Origins of the tenants that name none of their own.
        cors_origins: Vec<Origin> = Vec::new();
        /// A connection silent for so long is pinged; one silent for twice as
        /// long is dropped.
        heartbeat_interval: Duration = Duration::from_secs(25), in 1..=3600;
        /// Longest time from an accepted connection to its finished handshake.
        connection_timeout: Duration = Duration::from_secs(30), in 1..=3600;
        /// A connection whose user has done nothing for so long is closed.
        idle_timeout: Duration = MINUTE * 30, in 1..=604800;
        /// Most connections at once; further ones are refused with 503. Each is
        /// an open file: the process raises its own limit of these as far as
        /// the system lets it, and warns where that is not enough for a number
        /// that was set.
        max_connections: usize = 100_000, in 1..=10000000;
        /// Largest frame of a client.
        max_message_bytes: Size = Size::new(100 << 10), in 1024..=16777216;
        /// Whether messages are compressed (`permessage-deflate`) for clients
        /// that offer it: fewer bytes for more work. Small ones never are.
        compression: bool = true;
        /// Deepest nesting of a client's JSON.
        max_depth: usize = 32, in 4..=128;
        /// Most rooms that one connection may be in.
        max_rooms: usize = 100, in 2..=10000;
        /// Most that waits for one slow reader. It then loses transient events,
        /// next deltas, and is at last closed with 4008.
        outbox_bytes: Size = Size::new(1 << 20), in 16384..=268435456;
        /// Longest time that connections get to go elsewhere before the process
        /// ends; replies have `ai.drain_grace`.
        drain_grace: Duration = Duration::from_secs(30), in 0..=3600;
    }
}

section! {
    /// A second listener, of every program: `/health`, `/health/live`,
    /// `/health/ready`, which stand on the public port too, and `/metrics`. It
    /// asks for no token, so keep it private.
    Admin {
        /// Whether there is this listener.
        enabled: bool = true;
        /// Address to listen on.
        bind: IpAddr = LOOPBACK;
        /// Port to listen on; 0 takes any free one.
        port: u16 => |defaults| match defaults.program {
            Program::Standalone | Program::Gateway => 8081,
            Program::Broker => 8082,
        }, in 0..=65535;
    }
}

section! {
    /// The Redis that gateways and brokers share. `causerie` does not use it.
    Redis {
        /// Where it is: `redis://` or, with TLS, `rediss://`; with `-cluster`
        /// for a Redis Cluster and `-sentinel` (and `?sentinelServiceName=`)
        /// behind Sentinels. Further nodes follow as `?node=host:port`.
        url: Option<RedisUrl> = None;
        /// Host of a single Redis, instead of `redis.url`.
        host: Option<String> = None, in 1..=255;
        /// Its port; 6379 where only the host is given.
        port: Option<u16> = None, in 1..=65535;
        /// Its password.
        password: Option<Secret> = None, in 1..=1024;
        /// Longest wait for an answer.
        timeout: Duration = Duration::from_secs(5), in 0.1..=300;
        /// Connections for commands.
        pool_size: usize = 4, in 1..=128;
    }
}

section! {
    /// Who may connect. Tokens under these keys may name any tenant; those
    /// under a tenant's own keys only that one.
    Auth {
        /// Signs the tokens of visitors. `causerie` makes one at its start, so
        /// that its visitors are forgotten with it; gateways of one cluster must
        /// all be given the same.
        visitor_secret: Option<Secret> => |defaults| defaults.visitor_secret.clone(), in 32..=4096;
        /// The proxies before the gateway, whose word counts for the address of a
        /// client. A load balancer that names clients must be among them, or all
        /// of its clients count as one.
        trusted_proxies: Vec<Cidr> = Vec::new();
        /// The one header in which these name their client: `Forwarded` (RFC 7239),
        /// or one that holds addresses alone, with commas between them. They must
        /// set it, or add to it, at each request.
        proxy_header: HeaderName = X_FORWARDED_FOR;
        /// Under which API keys are hashed before they are stored. Without it there
        /// are none. Gateways of one cluster, and the command `keys`, must all be
        /// given the same; with another no key made before is known any more.
        api_key_secret: Option<Secret> = None, in 32..=4096;
        /// How long it is remembered that a user's tokens were revoked. Tokens that
        /// hold longer, from `iat` to `exp`, are refused: after that they would be
        /// good again. Visitors' hold seven days.
        revocations_kept: Duration = DAY * 90, in 604800..=315360000;
    }
    with {
        /// Keys that verify the operator's tokens.
        jwt: Jwt = "";
    }
}

section! {
    /// Keys that verify JSON Web Tokens. Several kinds may be given at once, so
    /// that one can replace another.
    Jwt {
        /// Shared secret of HS256.
        jwt_secret: Option<Secret> = None, in 32..=4096;
        /// PEM file with the public key of RS256, ES256 or EdDSA.
        jwt_public_key_file: Option<PathBuf> = None;
        /// Where a key set is fetched from.
        jwks_url: Option<HttpUrl> = None;
        /// Accepted algorithms; a key only ever verifies those made for it.
        jwt_algorithms: Vec<JwtAlgorithm> = vec![
            JwtAlgorithm::Hs256, JwtAlgorithm::Rs256, JwtAlgorithm::Es256, JwtAlgorithm::EdDsa,
        ];
        /// What `iss` must be.
        jwt_issuer: Option<String> = None, in 1..=1024;
        /// What `aud` must be, or hold.
        jwt_audience: Option<String> = None, in 1..=1024;
    }
}

section! {
    /// How questions are answered.
    Ai {
        /// What answers.
        backend: Backend = Backend::Echo;
        /// What answers instead while the backend fails, in this order.
        fallbacks: Vec<Backend> = Vec::new();
        /// Longest time to connect to a backend.
        connect_timeout: Duration = Duration::from_secs(5), in 0.1..=300;
        /// Longest wait for the first text of a reply, or for a sign that the model thinks.
        first_token_timeout: Duration = Duration::from_secs(20), in 0.1..=3600;
        /// Longest silence within a reply.
        stall_timeout: Duration = Duration::from_secs(20), in 0.1..=3600;
        /// Longest time that a whole reply may take, with all its tries.
        timeout: Duration = MINUTE * 5, in 0.1..=86400;
        /// How long `POST /api/chat` waits for the reply.
        message_timeout: Duration = Duration::from_secs(30), in 0.1..=3600;
        /// Replies that one broker makes at once.
        max_concurrent: usize = 64, in 1..=100000;
        /// How many of these one tenant may have; its further questions wait.
        max_concurrent_per_tenant: usize = 64, in 1..=100000;
        /// Longest time that replies get to end before the process ends; what is
        /// left then is taken over by other brokers.
        drain_grace: Duration = Duration::from_secs(30), in 0..=3600;
        /// How often a call that failed before its first text is tried again.
        retries: u32 = 2, in 0..=10;
        /// Most tokens (estimated) of earlier questions and replies that go
        /// along with a question.
        context_tokens: u32 = 8_000, in 0..=10000000;
        /// Longest reply; a longer one is cut, and ends with `length`.
        max_reply_bytes: Size = Size::new(1 << 20), in 1024..=16777216;
        /// Whether a client may send earlier messages along, as
        /// `conversation_context`.
        client_context: bool = true;
        /// What the model is told first.
        system_prompt: Option<String> = None, in 1..=100000;
        /// How freely the model chooses its words; its own default if not set.
        temperature: Option<f64> = None, in 0..=2;
        /// Most tokens of a reply; the backend's default if not set.
        max_tokens: Option<u32> = None, in 1..=1000000;
        /// What models cost, for `causerie_ai_cost_millionths_total`: for each its name,
        /// and the prices of a million tokens of prompts and of replies.
        prices: Vec<Price> = Vec::new();
    }
    with {
        /// When a failing backend is left alone for a while.
        breaker: Breaker = "breaker";
        /// The built-in backend.
        echo: Echo = "echo";
        /// Servers that speak OpenAI's chat completions.
        openai: OpenAi = "openai";
        /// Anthropic's Messages.
        anthropic: Anthropic = "anthropic";
    }
}

section! {
    /// When a failing backend is left alone for a while.
    Breaker {
        /// So many failures in a row are enough.
        failures: u32 = 5, in 1..=1000;
        /// How long the backend is left alone.
        open_for: Duration = Duration::from_secs(10), in 0.1..=3600;
    }
}

section! {
    /// The built-in backend, which repeats the question: for the first run,
    /// tests and load.
    Echo {
        /// Its pace; 0 is as fast as possible.
        tokens_per_second: f64 = 50.0, in 0..=1000000;
        /// How long it thinks.
        first_token_delay: Duration = Duration::from_millis(200), in 0..=3600;
    }
}

section! {
    /// Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama,
    /// llama.cpp and others.
    OpenAi {
        /// Its address. A path is taken as it is; without one `/v1` is added.
        base_url: HttpUrl = HttpUrl::of("https://api.openai.com/v1");
        /// Its key; servers of one's own often need none.
        api_key: Option<Secret> = None, in 1..=4096;
        /// Which model answers.
        model: Option<String> = None, in 1..=256;
    }
}

section! {
    /// Anthropic's Messages.
    Anthropic {
        /// Its address. A path is taken as it is; without one `/v1` is added.
        base_url: HttpUrl = HttpUrl::of("https://api.anthropic.com");
        /// Its key.
        api_key: Option<Secret> = None, in 1..=4096;
        /// Which model answers.
        model: Option<String> = None, in 1..=256;
        /// Most tokens of a reply where `ai.max_tokens` is not set: the API
        /// requires a number.
        max_tokens: u32 = 4096, in 1..=1000000;
    }
}

section! {
    /// What rooms remember.
    History {
        /// Most events of one room.
        max_events: u64 = 10_000, in 10..=10000000;
        /// Most bytes of these together; the last one is kept however large.
        max_bytes: Size = Size::new(32 << 20), in 65536..=1073741824;
        /// Oldest event of a room.
        max_age: Duration = DAY * 7, in 60..=315360000;
        /// Most missed events that a client is sent; one that missed more
        /// reloads.
        max_recover: u64 = 1_000, in 1..=100000;
        /// Most bytes of the events that a client is given, or a gateway reads, at once; the
        /// next page goes on from there. One event is given however large.
        page_bytes: Size = Size::new(1 << 20), in 16384..=67108864;
    }
}

section! {
    /// Live delivery.
    Realtime {
        /// Whether messages and AI events of `project:` and `tenant` rooms are
        /// sent live to all who are in the room. Else they are only kept in its
        /// history.
        chat_broadcasting: bool = true;
        /// Whether events of the group `status` are sent live.
        status_updates: bool = true;
        /// Whether events of the group `memory` are sent live. Durable ones are
        /// kept in the history in any case.
        memory_updates: bool = true;
    }
}

section! {
    /// Logs, traces and metrics.
    Telemetry {
        /// How log lines look: `auto` is pretty on a terminal, else JSON.
        log_format: LogFormat = LogFormat::Auto;
        /// Which lines are written: a level, or a filter by module. `RUST_LOG`
        /// goes before it.
        log_level: LogFilter = LogFilter::default();
        /// The collector that traces are sent to, by OTLP over HTTP, such as
        /// `http://localhost:4318`; without a path `/v1/traces` is added. Nowhere if
        /// not set. See [traces](traces.md).
        otlp_endpoint: Option<HttpUrl> = None;
        /// Which share of all traces is sent. Give gateways and brokers the same, and they
        /// choose the same ones.
        traces_sampled: f64 = 1.0, in 0..=1;
        /// Whether some metrics are kept for each tenant: some ten series for each, so do
        /// without where there are thousands.
        tenant_metrics: bool = true;
    }
}

section! {
    /// This process.
    Node {
        /// Its name in logs, metrics and `ready`; no two processes may share one.
        name: String => |defaults| defaults.node_name.clone(), in 1..=128;
    }
}

impl Redis {
    /// Where Redis is, as a URL that fred reads; `None` where none is configured.
    pub fn address(&self) -> Option<RedisUrl> {
        let host = self.host.as_deref();
        self.url
            .clone()
            .or_else(|| RedisUrl::of_host(host?, self.port.unwrap_or(6379), self.password.as_ref()))
    }
}
