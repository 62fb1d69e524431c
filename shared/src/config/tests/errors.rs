//! What is refused, and in which words.

use super::*;

/// A line as `keys create` prints it.
const KEY: &str = "'ck_16a1b2c3d4e5 scopes=read \
    hash=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 name=The shop'";

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
            "websocket.cors_origins is `*` (in causerie.toml), but must be the \
             origin of a page, scheme://host or scheme://host:port (https, not wss), without a \
             path, or such as https://*.example.com for the subdomains of a host",
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
            Start::standalone("[tenants]\nid = 'acme'\nhash = 'a'\n"),
            "tenants is one section (in causerie.toml), but must be a list of them: write \
             [[tenants]], in double brackets, above each tenant",
        ),
        (
            Start::standalone("").env("TENANTS", r#"[{"id":"acme","hash":"a",}]"#),
            "tenants is no JSON: it is wrong at line 1, column 26 (environment variable TENANTS), \
             but must be a list of tenants, in JSON such as \
             [{\"id\":\"acme\",\"hash\":\"acme\",\"origins\":[\"https://acme.example\"]}]",
        ),
        (
            Start::standalone("").env("TENANTS", r#"{"id":"s3cret"}"#),
            "tenants is JSON of another shape (environment variable TENANTS), but must be a list \
             of tenants, in JSON such as \
             [{\"id\":\"acme\",\"hash\":\"acme\",\"origins\":[\"https://acme.example\"]}]",
        ),
        (
            Start::standalone("[filter]\nmask = ['good', '**']\n"),
            "filter.mask[1] is `[hidden]` (in causerie.toml), but must be a word or phrase of 1 to 64 \
             characters, not all of them `*` or unseen",
        ),
        (
            Start::standalone(&format!(
                "{TENANT}filter.reject = [{}]\n",
                "'x',".repeat(2_001)
            )),
            "tenants[0].filter.reject has 2001 words (in causerie.toml), but must be a list of up \
             to 2000, each of it a word or phrase of 1 to 64 characters, not all of them `*` or unseen",
        ),
        (
            Start::standalone(&format!("{TENANT}filter.report_to = 'project:p1'\n")),
            "tenants[0].filter.report_to is `project:p1` (in causerie.toml), but must be 1–128 of \
             A-Z a-z 0-9 . _ ~ -",
        ),
        (
            Start::standalone("rollout.percentage = 101"),
            "rollout.percentage is `101` (in causerie.toml), but must be a number from 0 to 100",
        ),
        (
            Start::standalone("rollout.fallback = 'websocket'"),
            "rollout.fallback is `websocket` (in causerie.toml), but must be one of streaming, http",
        ),
        (
            Start::standalone("rollout.flags = ['beta', 'In House']"),
            "rollout.flags is `In House` (in causerie.toml), but must be 1–64 of a-z 0-9 . _ -",
        ),
        (
            Start::standalone("").env("AUTH_JWT_SECRET", "short"),
            "auth.jwt_secret has 5 characters (environment variable AUTH_JWT_SECRET), but must be \
             text of 32 to 4096 characters",
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
            Start::standalone("[https]\ncert_file = 'x'\n"),
            "`https` (in causerie.toml) is not a key of the configuration; \
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
    let twice = "[[tenants]]\nid = 'a'\napi_keys = []\napi_keys = []\n";
    assert_eq!(
        Start::standalone(twice).error(),
        "the configuration file causerie.toml is not TOML: line 4: duplicate key; it is set further \
         up already: put this there"
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
            "rollout.cohorts = ['demo', 'acmee']",
            "rollout.cohorts names `acmee`, but no tenant has this id",
        ),
        (
            standalone,
            "admin.port = 8080",
            "websocket.port and admin.port are both 8080",
        ),
        (
            standalone,
            "websocket.outbox_bytes = '64K'",
            "websocket.outbox_bytes (64K) is smaller than websocket.max_message_bytes (100K, its \
             default): one frame",
        ),
        (
            standalone,
            "ai.first_token_timeout = '10m'",
            "ai.first_token_timeout (10m) is longer than ai.timeout (5m, its default), which",
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
            &format!("[[tenants]]\nid = 'a'\nhash = 'a'\napi_keys = [{KEY}]\n"),
            "the tenant `a` has tenants[0].api_keys, so auth.api_key_secret (AUTH_API_KEY_SECRET) must be set",
        ),
        (
            standalone,
            &format!(
                "auth.api_key_secret = '0123456789abcdef0123456789abcdef'\n[[tenants]]\nid = 'a'\n\
                 hash = 'a'\napi_keys = [{KEY}, {KEY}]\n"
            ),
            "the API key ck_16a1b2c3d4e5 is there twice",
        ),
        (
            standalone,
            "[[tenants]]\nid = 'a'\nhash = 'a'\napi_keys = ['ck_16a1b2c3d4e5_s3cret']\n",
            "tenants[0].api_keys[0] is `[hidden]` (in causerie.toml), but must be `ck_ID scopes=",
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
        (
            standalone,
            "tls.cert_file = 'a.crt'",
            "tls.cert_file is set without tls.key_file (TLS_KEY_FILE): set both",
        ),
        (
            standalone,
            "tls.plain_port = 8082",
            "tls.plain_port is set without tls.cert_file (TLS_CERT_FILE), so there is no TLS",
        ),
        (
            standalone,
            "tls = { cert_file = 'a.crt', key_file = 'a.key', plain_port = 8081 }",
            "tls.plain_port and admin.port are both 8081: each needs a port of its own",
        ),
        (
            standalone,
            "tls = { cert_file = 'a.crt', key_file = 'a.key', plain_port = 8080 }",
            "websocket.port and tls.plain_port are both 8080: each needs a port of its own",
        ),
        (
            standalone,
            "tls.min_version = 1.1",
            "tls.min_version is `1.1` (in causerie.toml), but must be one of 1.2, 1.3",
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
