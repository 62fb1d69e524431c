//! What is read from where.

use super::*;

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
fn the_percentage_has_a_second_name_in_the_environment() {
    let start = || Start::standalone("[rollout]\npercentage = 5\n");
    let alias = "WEBSOCKET_ROLLOUT_PERCENTAGE";
    let read = |start: Start| start.load().rollout.percentage;
    assert_eq!(read(start().env(alias, "12.5")), 12.5);
    assert_eq!(read(start().env(alias, "")), 5.0);
    assert_eq!(read(start().env("ROLLOUT_PERCENTAGE", "20")), 20.0);
    let both = start().env(alias, "20").env("ROLLOUT_PERCENTAGE", "20");
    assert_eq!(read(both), 20.0);
    let both = start().env(alias, "10").env("ROLLOUT_PERCENTAGE", "20");
    assert_eq!(
        both.error(),
        "environment variables ROLLOUT_PERCENTAGE (20) and WEBSOCKET_ROLLOUT_PERCENTAGE (10) both \
         stand for rollout.percentage, and differ: leave one out"
    );
    assert_eq!(
        start().env(alias, "many").error(),
        "rollout.percentage is `many` (environment variable WEBSOCKET_ROLLOUT_PERCENTAGE), but \
         must be a number from 0 to 100"
    );
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
        .env("AUTH_JWT_SECRET", "5f0c1d7a93e24b68a1c3e5f70911b2d4")
        .env("WEBSOCKET_BIND", "127.0.0.1")
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
fn a_tenant_that_nobody_can_come_in_to_is_warned_of() {
    let warnings = |program, file: &str| {
        let start = Start::new(program, file);
        let loader = start.loader().unwrap();
        loader.warnings(&loader.load().unwrap())
    };
    let gateway = format!("websocket.bind = '::1'\n{REDIS}{TENANT}");
    let [warning] = warnings(Program::Gateway, &gateway).try_into().unwrap();
    assert!(
        warning.starts_with("nobody can come in to the tenant `acme`: ")
            && warning.contains("AUTH_JWT_SECRET"),
        "{warning}"
    );
    assert_eq!(warnings(Program::Broker, &gateway), [""; 0]);
    assert_eq!(warnings(Program::Standalone, ""), [""; 0]);
    let secret = "jwt_secret = '5f0c1d7a93e24b68a1c3e5f70911b2d4'";
    for more in [
        format!("auth.{secret}\n{TENANT}"),
        format!("{TENANT}auth.{secret}"),
        format!("{TENANT}visitors = true\norigins = ['http://a.example']"),
    ] {
        assert_eq!(warnings(Program::Standalone, &more), [""; 0], "{more}");
    }
}

#[test]
fn what_is_allowed_and_dangerous_is_warned_of() {
    for (more, begins) in [
        (
            "auth.jwt_secret = '0123456789abcdef0123456789abcdef'",
            "auth.jwt_secret (AUTH_JWT_SECRET) stands in",
        ),
        (
            "auth.visitor_secret = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
            "auth.visitor_secret (AUTH_VISITOR_SECRET) has hardly",
        ),
        (
            "auth.api_key_secret = 'at least 32 characters that nobody can guess'",
            "auth.api_key_secret (AUTH_API_KEY_SECRET) stands in",
        ),
        (
            "auth.trusted_proxies = ['10.0.0.0/8', '0.0.0.0/0']",
            "auth.trusted_proxies (AUTH_TRUSTED_PROXIES) trusts every",
        ),
        (
            "limits.exempt = ['::/0']",
            "limits.exempt (LIMITS_EXEMPT) exempts every",
        ),
    ] {
        let start = Start::new(Program::Standalone, more);
        let loader = start.loader().unwrap();
        let warnings = loader.warnings(&loader.load().unwrap());
        let [warning] = warnings.try_into().unwrap();
        assert!(warning.starts_with(begins), "{warning}");
    }
    let tenant = format!("{TENANT}auth.jwt_secret = '0123456789abcdef0123456789abcdef'");
    let start = Start::new(Program::Standalone, &tenant);
    let loader = start.loader().unwrap();
    let [warning] = loader.warnings(&loader.load().unwrap()).try_into().unwrap();
    assert!(
        warning.starts_with("tenants[0].auth.jwt_secret stands in"),
        "{warning}"
    );
}

#[test]
fn the_demo_tenant_is_no_change() {
    let changes = |start: Start| {
        let loader = start.loader().unwrap();
        let keys = loader.changes(&loader.load().unwrap()).into_keys();
        keys.collect::<Vec<_>>()
    };
    assert_eq!(changes(Start::standalone("")), [""; 0]);
    assert_eq!(
        changes(Start::standalone("websocket.port = 9090")),
        ["websocket.port"]
    );
    assert_eq!(changes(Start::standalone(TENANT)), ["tenants"]);
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
