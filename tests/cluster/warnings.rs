//! What an operator should change is told by `--check` and by the start alike.

use causerie_testkit::cluster::tenants;
use causerie_testkit::process::Program;
use causerie_testkit::redis::{Options, Redis};

/// A gateway and a broker on this Redis, each checked and started.
async fn told(redis: &Redis) -> Vec<String> {
    let programs = [Program::gateway, Program::broker];
    let mut told = Vec::new();
    for program in programs {
        let program = || {
            let program = program().env("REDIS_URL", redis.url());
            let program = program.env("WEBSOCKET_BIND", "127.0.0.1");
            program.env("TENANTS", tenants())
        };
        let check = program().args(["--check"]).run().await;
        assert_eq!(check.code, Some(0), "{}", check.output);
        let warnings = check.output.lines();
        let warnings = warnings.filter(|line| line.starts_with("# warning: "));
        told.push(warnings.collect::<Vec<_>>().join("\n"));

        let node = program().start().await;
        let lines = node.output();
        let warnings = lines.lines().filter(|line| line.contains("\"WARN\""));
        told.push(warnings.collect::<Vec<_>>().join("\n"));
    }
    told
}

fn good() -> Options {
    Redis::options().aof()
}

#[tokio::test]
async fn of_a_redis_that_keeps_all_nothing_is_told() {
    let redis = good().start().await;
    for told in told(&redis).await {
        assert_eq!(told, "");
    }
}

async fn is_told(redis: &Redis, of: &str) {
    let address = format!("127.0.0.1:{}", redis.port());
    for told in told(redis).await {
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(of) && told.contains(&address), "{told}");
    }
}

#[tokio::test]
async fn of_a_redis_that_evicts() {
    let redis = good().set("maxmemory-policy", "allkeys-lru").start().await;
    is_told(&redis, "set `maxmemory-policy noeviction`").await;
}

#[tokio::test]
async fn of_a_redis_that_writes_nothing_down() {
    let redis = Redis::start().await;
    is_told(&redis, "set `appendonly yes`").await;
}

#[tokio::test]
async fn of_replicas_that_need_not_have_what_is_confirmed() {
    let primary = good().start().await;
    let replica = good().replica_of(&primary).start().await;
    while replica.command(&["ROLE"]).await.list()[3].text() != "connected" {
        tokio::task::yield_now().await;
    }
    is_told(&primary, "set `min-replicas-to-write 1`").await;
}

#[tokio::test]
async fn of_too_few_open_files() {
    let redis = good().start().await;
    let gateway = || {
        let program = Program::gateway().env("REDIS_URL", redis.url());
        program.env("TENANTS", tenants()).open_files(1_000)
    };
    let says = "only 1000 files may be open, fewer than websocket.max_connections (900) needs";
    let many = || gateway().env("WEBSOCKET_MAX_CONNECTIONS", "900");
    let check = many().args(["--check"]).run().await;
    assert!(check.output.contains(says), "{}", check.output);
    let node = many().start().await;
    node.log_line(says).await;

    let few = gateway().env("WEBSOCKET_MAX_CONNECTIONS", "700");
    let check = few.args(["--check"]).run().await;
    assert!(
        !check.output.contains("files may be open"),
        "{}",
        check.output
    );
    drop(node);
}
