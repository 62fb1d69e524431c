//! Layers, errors and reload, through the same door as the programs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::section::{Defaults, Item, Section, environment_name};
use super::value::HIDDEN;
use super::*;

/// A directory with a configuration file, and what a program was started with.
struct Start {
    dir: tempfile::TempDir,
    program: Program,
    environment: Vec<(OsString, OsString)>,
    set: Vec<String>,
}

impl Start {
    fn new(program: Program, file: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("causerie.toml"), file).unwrap();
        Self {
            dir,
            program,
            environment: Vec::new(),
            set: Vec::new(),
        }
    }

    fn standalone(file: &str) -> Self {
        Self::new(Program::Standalone, file)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.set.push(text.into());
        self
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("causerie.toml")
    }

    fn loader(&self) -> Result<Loader, ConfigError> {
        let sources = Sources {
            config: Some(self.file()),
            environment: self.environment.clone(),
            set: self.set.clone(),
        };
        Loader::new(self.program, sources)
    }

    fn load(&self) -> Settings {
        self.loader().unwrap().load().unwrap()
    }

    /// The sentence that the start ends with, the file's directory left out.
    fn error(&self) -> String {
        let error = self.loader().and_then(|loader| loader.load()).unwrap_err();
        let dir = format!("{}/", self.dir.path().display());
        error.to_string().replace(&dir, "")
    }
}

fn error(program: Program, file: &str) -> String {
    Start::new(program, file).error()
}

const TENANT: &str = "[[tenants]]\nid = 'acme'\nhash = 'a'\n";
const REDIS: &str = "[redis]\nurl = 'redis://localhost'\n";

#[test]
fn each_layer_goes_over_the_one_before() {
    let file = "[websocket]\nmax_rooms = 20\nmax_depth = 20\nheartbeat_interval = 20\n";
    let settings = Start::standalone(file)
        .env("WEBSOCKET_MAX_DEPTH", "30")
        .env("WEBSOCKET_HEARTBEAT_INTERVAL", "30s")
        .set("websocket.heartbeat_interval=40s")
        .set("websocket.heartbeat_interval=41s")
        .load();
    assert_eq!(settings.websocket.max_connections, 100_000, "default");
    assert_eq!(settings.websocket.max_rooms, 20, "file");
    assert_eq!(settings.websocket.max_depth, 30, "environment");
    let heartbeat = settings.websocket.heartbeat_interval;
    assert_eq!(heartbeat, Duration::from_secs(41), "command line");
}

#[test]
fn every_key_has_an_environment_name_of_its_own_and_a_good_default() {
    for program in Program::ALL {
        let defaults = Defaults {
            program,
            node_name: "n".into(),
            visitor_secret: None,
        };
        let mut items = Vec::new();
        Settings::describe("", &defaults, &mut items);
        let mut names = std::collections::HashSet::new();
        for item in items {
            let Item::Key { name, default, .. } = item else {
                continue;
            };
            assert!(names.insert(environment_name(&name)), "{name}");
            // What is shown as the default can be written down as it stands.
            let Some(default) = default.filter(|_| name != "tenants") else {
                continue;
            };
            let text = default
                .as_str()
                .map_or_else(|| default.to_string(), str::to_owned);
            let start = Start::standalone("").env(&environment_name(&name), &text);
            let read = start.load().to_toml();
            assert!(
                read.contains(&default.to_string()),
                "{name} = {default}: {read}"
            );
        }
    }
}

#[test]
fn lists_are_words_or_json() {
    for text in ["echo,  openai ,", r#"["echo", "openai"]"#] {
        let settings = Start::standalone("")
            .env("AI_BACKEND", "anthropic")
            .env("AI_ANTHROPIC_API_KEY", "k")
            .env("AI_ANTHROPIC_MODEL", "m")
            .env("AI_OPENAI_MODEL", "m")
            .env("AI_OPENAI_API_KEY", "k")
            .env("AI_FALLBACKS", text)
            .load();
        assert_eq!(settings.ai.fallbacks, [Backend::Echo, Backend::OpenAi]);
    }
}

#[test]
fn empty_variables_are_not_set_but_the_command_line_can_clear() {
    let file = "[ai]\nsystem_prompt = 'Be brief.'\n";
    let start = Start::standalone(file).env("AI_SYSTEM_PROMPT", "");
    assert_eq!(start.load().ai.system_prompt.as_deref(), Some("Be brief."));
    let start = Start::standalone(file).set("ai.system_prompt=");
    assert_eq!(start.load().ai.system_prompt, None);
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let start = Start::standalone("[websocket]\nport = 1234\n");
    let sources = Sources {
        environment: vec![("CAUSERIE_CONFIG".into(), start.file().into())],
        ..Sources::default()
    };
    let loader = Loader::new(Program::Standalone, sources).unwrap();
    assert_eq!(loader.load().unwrap().websocket.port, 1234);
}

#[test]
fn what_kubernetes_injects_is_ignored_with_a_warning() {
    let start = Start::new(Program::Gateway, &format!("{TENANT}{REDIS}"))
        .env("REDIS_PORT", "tcp://10.0.0.1:6379")
        .env("WEBSOCKET_PORT", "tcp://10.0.0.2:8080")
        .env("REDIS_SERVICE_HOST", "10.0.0.1")
        .env("WEBSOCKET_UNHEARD_OF", "1");
    let loader = start.loader().unwrap();
    let settings = loader.load().unwrap();
    assert_eq!(settings.websocket.port, 8080);
    assert_eq!(
        loader.warnings(&settings).len(),
        2,
        "{:?}",
        loader.warnings(&settings)
    );
    assert!(
        loader
            .warnings(&settings)
            .iter()
            .any(|w| w.starts_with("REDIS_PORT=tcp://10.0.0.1:6379 "))
    );
}

#[test]
fn a_bad_value_is_one_sentence_with_key_value_and_what_is_allowed() {
    for (start, sentence) in [
        (
            Start::standalone("[websocket]\nport = 'eighty'\n"),
            "websocket.port is `eighty` (in causerie.toml), but must be a whole number from 0 to 65535",
        ),
        (
            Start::standalone("").env("WEBSOCKET_HEARTBEAT_INTERVAL", "25 fortnights"),
            "websocket.heartbeat_interval is `25 fortnights` (environment variable \
             WEBSOCKET_HEARTBEAT_INTERVAL), but must be a duration such as 500ms, 25s, 5m, 24h, 7d \
             or a number of seconds, from 1s to 1h",
        ),
        (
            Start::standalone("").set("websocket.max_message_bytes=99G"),
            "websocket.max_message_bytes is `99G` (given by --set), but must be a number of bytes, \
             or a size such as 100K, 1M or 2G, from 1K to 16M",
        ),
        (
            Start::standalone("").set("websocket.enabled=maybe"),
            "websocket.enabled is `maybe` (given by --set), but must be true or false",
        ),
        (
            Start::standalone("ai.backend = 'bedrock'"),
            "ai.backend is `bedrock` (in causerie.toml), but must be one of echo, openai, anthropic",
        ),
        (
            Start::standalone("websocket = 3"),
            "websocket is `3` (in causerie.toml), but must be a section, [websocket]",
        ),
        (
            Start::standalone("websocket.cors_origins = ['https://a.example', '*']"),
            "websocket.cors_origins is `*` (in causerie.toml), but must be an exact origin, \
             scheme://host or scheme://host:port, without a path or *",
        ),
        (
            Start::standalone("websocket.bind = ['::']"),
            "websocket.bind is `[\"::\"]` (in causerie.toml), but must be an IP address such as \
             127.0.0.1, 0.0.0.0 or ::",
        ),
        (
            Start::standalone("[[tenants]]\nid = 'acme'\nhash = 'a b'\n"),
            "tenants[0].hash is `a b` (in causerie.toml), but must be 1–128 of A-Z a-z 0-9 . _ ~ -",
        ),
        (
            Start::standalone("[[tenants]]\nid = 'acme'\n"),
            "tenants[0].hash is not set: it must be 1–128 of A-Z a-z 0-9 . _ ~ -",
        ),
    ] {
        assert_eq!(start.error(), sentence);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_nearest() {
    for (start, sentence) in [
        (
            Start::standalone("[websocket]\nprot = 8080\n"),
            "`websocket.prot` (in causerie.toml) is not a key of the configuration; \
             did you mean `websocket.port`?",
        ),
        (
            Start::standalone("").set("redis.ulr=x"),
            "`redis.ulr` (given by --set) is not a key of the configuration; \
             did you mean `redis.url`?",
        ),
        (
            Start::standalone("[tls]\ncert_file = 'x'\n"),
            "`tls` (in causerie.toml) is not a key of the configuration; \
             docs/configuration.md lists all keys",
        ),
        (
            Start::standalone("").env("TENANTS", r#"[{"id":"a","hash":"a","orgins":[]}]"#),
            "`tenants[0].orgins` (environment variable TENANTS) is not a key of the configuration; \
             did you mean `tenants[0].origins`?",
        ),
        (
            Start::standalone("").set("websocket.port"),
            "--set takes key=value, such as websocket.port=8080, not `websocket.port`",
        ),
    ] {
        assert_eq!(start.error(), sentence);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let start = Start::standalone("[websocket]\nport = = 1\n");
    assert!(
        start
            .error()
            .starts_with("the configuration file causerie.toml is not TOML: line 2: "),
        "{}",
        start.error()
    );
    std::fs::remove_file(start.file()).unwrap();
    assert_eq!(
        start.error(),
        "the configuration file causerie.toml cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn keys_that_do_not_go_together_are_refused() {
    let (standalone, gateway, broker) = (Program::Standalone, Program::Gateway, Program::Broker);
    for (program, file, part) in [
        (
            gateway,
            "",
            "causerie-gateway needs Redis: set redis.url (REDIS_URL)",
        ),
        (
            broker,
            "",
            "causerie-broker needs Redis: set redis.url (REDIS_URL)",
        ),
        (gateway, "", "or run `causerie`, which needs none"),
        (
            gateway,
            REDIS,
            "causerie-gateway has no tenants: add [[tenants]]",
        ),
        (
            standalone,
            "redis.url = 'redis://a'\nredis.host = 'a'",
            "redis.url and redis.host are both set",
        ),
        (
            standalone,
            "redis.port = 6380",
            "redis.port is set without redis.host",
        ),
        (
            standalone,
            "redis.host = 'a b'",
            "redis.host is `a b`, but must be a host name",
        ),
        (
            standalone,
            "admin.port = 8080",
            "websocket.port and admin.port are both 8080",
        ),
        (
            standalone,
            "websocket.outbox_bytes = '64K'",
            "websocket.outbox_bytes is smaller than",
        ),
        (
            standalone,
            "ai.first_token_timeout = '10m'",
            "ai.first_token_timeout is longer than ai.timeout",
        ),
        (
            standalone,
            "ai.fallbacks = ['echo']",
            "ai.fallbacks names `echo` again",
        ),
        (
            standalone,
            "ai.backend = 'openai'",
            "ai.openai.model (AI_OPENAI_MODEL) must name the model",
        ),
        (
            standalone,
            "ai.backend = 'openai'\nai.openai.model = 'm'",
            "ai.openai.api_key (AI_OPENAI_API_KEY) must be set",
        ),
        (
            standalone,
            "[[tenants]]\nid = 'a'\nhash = 'a'\n[[tenants]]\nid = 'a'\nhash = 'b'\n",
            "two tenants have the id `a`",
        ),
        (
            standalone,
            "[[tenants]]\nid = 'a'\nhash = 'a'\n[[tenants]]\nid = 'b'\nhash = 'a'\n",
            "two tenants have the hash `a`",
        ),
        (
            standalone,
            "[[tenants]]\nid = 'a'\nhash = 'a'\nvisitors = true\n",
            "the tenant `a` takes visitors, but has no origins",
        ),
        (
            gateway,
            "redis.host = 'r'\n[[tenants]]\nid = 'a'\nhash = 'a'\nvisitors = true\norigins = ['http://a']\n",
            "the tenant `a` takes visitors, so auth.visitor_secret (AUTH_VISITOR_SECRET) must be set",
        ),
        (
            standalone,
            "auth.jwt_public_key_file = '/nowhere/key.pem'",
            "auth.jwt_public_key_file is `/nowhere/key.pem`, which cannot be read: No such file",
        ),
        (
            standalone,
            "[auth]\njwt_secret = '0123456789abcdef0123456789abcdef'\njwt_algorithms = ['ES256']\n",
            "auth.jwt_secret can verify nothing: auth.jwt_algorithms lacks HS256",
        ),
    ] {
        let sentence = error(program, file);
        assert!(sentence.contains(part), "{sentence}\nlacks: {part}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn secrets_appear_neither_in_errors_nor_in_what_is_printed() {
    for start in [
        Start::standalone("auth.jwt_secret = 's3cret'"),
        Start::standalone("redis.url = 'rdis://:s3cret@a'"),
        Start::standalone("[auth\njwt_secret = 's3cret'"),
        Start::standalone("jwt = 's3cret' s3cret"),
        Start::standalone("").env("TENANTS", r#"[{"auth":{"jwt_secret":"s3cret"}"#),
    ] {
        assert!(!start.error().contains("s3cret"), "{}", start.error());
    }
    let long = "s3cret-0123456789-0123456789-0123";
    let start = Start::standalone(&format!("{TENANT}auth.jwt_secret = '{long}'\n"))
        .env("AUTH_VISITOR_SECRET", long)
        .env("AI_OPENAI_API_KEY", long)
        .env("REDIS_URL", &format!("redis://:{long}@r"));
    let settings = start.load();
    let shown = format!("{settings:?}{}", settings.to_toml());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(
        shown.contains(HIDDEN) && shown.contains("redis://:hidden@r"),
        "{shown}"
    );
    let secret = settings.auth.visitor_secret.unwrap();
    assert_eq!(secret.expose_secret(), long);
}

#[test]
fn what_is_printed_can_be_read_again() {
    let start = Start::standalone(TENANT);
    let settings = start.load();
    let printed = settings.to_toml().replace(HIDDEN, &"x".repeat(32));
    let again = Start::standalone(&printed).load();
    assert_eq!(settings.to_toml(), again.to_toml());
}

#[test]
fn without_tenants_standalone_has_a_demo_for_its_own_address() {
    let start = Start::standalone("websocket.port = 0");
    let handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
    let before = handle.current().auth.visitor_secret.clone();
    handle.public_port_is(4321);
    let settings = handle.current();
    let [demo] = settings.tenants.as_slice() else {
        panic!("{:?}", settings.tenants);
    };
    assert_eq!(
        (demo.id.as_str(), demo.hash.as_str(), demo.visitors),
        ("demo", "demo", true)
    );
    let origins: Vec<_> = demo.origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["http://localhost:4321", "http://127.0.0.1:4321"]);
    assert_eq!(settings.websocket.bind.to_string(), "127.0.0.1");
    assert!(before.is_some() && before == settings.auth.visitor_secret);
}

#[test]
fn tenants_fall_back_to_the_common_origins() {
    let file = format!(
        "websocket.cors_origins = ['https://a.example']\n{TENANT}\
        [[tenants]]\nid = 'b'\nhash = 'b'\norigins = ['https://b.example']\nai.backend = 'openai'\nai.model = 'm'\n"
    );
    let file = format!("ai.openai.base_url = 'http://localhost:1/v1/'\n{file}");
    let settings = Start::standalone(&file).load();
    assert_eq!(settings.tenants[0].origins[0].as_str(), "https://a.example");
    assert_eq!(settings.tenants[1].origins[0].as_str(), "https://b.example");
    assert_eq!(settings.tenants[1].ai.backend, Some(Backend::OpenAi));
    assert_eq!(
        settings.ai.openai.base_url.as_str(),
        "http://localhost:1/v1"
    );
}

#[test]
fn programs_differ_in_their_defaults() {
    let file = format!("{REDIS}{TENANT}");
    let gateway = Start::new(Program::Gateway, &file).load();
    let broker = Start::new(Program::Broker, REDIS).load();
    assert_eq!(gateway.websocket.bind.to_string(), "0.0.0.0");
    assert_eq!((gateway.admin.port, broker.admin.port), (8081, 8082));
    assert_eq!(gateway.auth.visitor_secret, None);
    assert_ne!(gateway.node.name, broker.node.name);
    let address = gateway.redis.address().unwrap();
    assert_eq!(address.expose_secret(), "redis://localhost");
}

#[test]
fn a_reload_takes_over_what_the_reference_says_and_nothing_else() {
    let start = Start::standalone(TENANT);
    let handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
    let old = handle.current().clone();
    let changed = format!(
        "websocket.port = 9999\nwebsocket.cors_origins = ['https://n.example']\n\
         limits.dedup_window = '1h'\ntelemetry.log_level = 'debug'\nai.retries = 5\n{}",
        TENANT.replace("acme", "other")
    );
    std::fs::write(start.file(), changed).unwrap();
    handle.reload();
    let new = handle.current().clone();
    let mut differences = Vec::new();
    old.differences(&new, "", &mut differences);
    assert!(
        differences.iter().all(|key| reload::is_reloadable(key)),
        "{differences:?}"
    );
    assert_eq!(differences.len(), 4, "{differences:?}");
    assert_eq!(new.tenants[0].id.as_str(), "other");

    std::fs::write(start.file(), "limits.dedup_window = 'soon'").unwrap();
    handle.reload();
    assert_eq!(**handle.current(), *new, "a bad file keeps the old values");
    std::fs::remove_file(start.file()).unwrap();
    handle.reload();
    assert_eq!(**handle.current(), *new, "so does a file that has gone");
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let start = Start::standalone(TENANT);
    let mut handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
    // A change between the first read and the watch is not missed either.
    std::fs::write(start.file(), TENANT.replace("acme", "other")).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let watching = tokio::spawn(watch(handle.clone(), stop.clone()).unwrap());
    for id in ["other", "third"] {
        std::fs::write(start.file(), TENANT.replace("acme", id)).unwrap();
        tokio::time::timeout(Duration::from_secs(10), async {
            while handle.current().tenants[0].id.as_str() != id {
                handle.changed().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{id} was not taken over"));
    }
    stop.cancel();
    watching.await.unwrap();
}
