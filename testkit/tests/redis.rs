//! The private Redis server does what its name says, and dies with its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use causerie_testkit::redis::Redis;
use causerie_testkit::resp::{Reply, Resp};
use tokio::time::timeout;

#[tokio::test]
async fn answers_and_forgets_at_a_restart() {
    let mut redis = Redis::start().await;
    assert_eq!(
        redis.command(&["SET", "a", "1"]).await,
        Reply::Text("OK".to_owned())
    );
    assert_eq!(redis.command(&["GET", "a"]).await.text(), "1");
    assert_eq!(redis.command(&["LPUSH", "l", "x", "y"]).await.integer(), 2);
    assert_eq!(
        redis
            .command(&["LRANGE", "l", "0", "-1"])
            .await
            .list()
            .len(),
        2
    );
    let error = redis.try_command(&["INCR", "l"]).await.unwrap_err();
    assert!(error.starts_with("WRONGTYPE"), "{error}");
    let port = redis.port();
    redis.restart().await;
    assert_eq!(redis.port(), port);
    assert_eq!(redis.command(&["GET", "a"]).await, Reply::Nil);
}

#[tokio::test]
async fn keeps_its_data_over_a_kill_with_aof_and_loses_a_cut_tail() {
    let mut redis = Redis::options().aof().start().await;
    redis.command(&["SET", "a", "1"]).await;
    let cut = redis.aof_size();
    redis.command(&["SET", "b", "2"]).await;
    redis.kill();
    redis.restart().await;
    assert_eq!(redis.command(&["GET", "b"]).await.text(), "2");
    redis.kill();
    redis.truncate_aof(cut);
    redis.restart().await;
    assert_eq!(redis.command(&["GET", "a"]).await.text(), "1");
    assert_eq!(redis.command(&["GET", "b"]).await, Reply::Nil);
}

/// Why `docs/redis.md` asks for `aof-load-truncated no`. Without the mending
/// Redis 7.0.15 has `c` after the second start.
#[tokio::test]
async fn half_a_transaction_stays_away_once_the_file_is_mended() {
    let mut redis = Redis::options().aof().start().await;
    for script in [
        "redis.call('SET', 'a', 1) redis.call('SET', 'b', 2)",
        "redis.call('SET', 'c', 3) redis.call('SET', 'd', 4)",
    ] {
        redis.command(&["EVAL", script, "0"]).await;
    }
    redis.kill();
    redis.truncate_aof(redis.aof_size() - 25);
    redis.mend_aof();
    redis.restart().await;
    let last = "redis.call('SET', 'e', 5) redis.call('SET', 'f', 6)";
    redis.command(&["EVAL", last, "0"]).await;
    redis.restart().await;
    for (key, value) in [("a", "1"), ("b", "2"), ("c", ""), ("d", ""), ("f", "6")] {
        assert_eq!(redis.command(&["GET", key]).await.text(), value, "{key}");
    }
}

#[tokio::test]
async fn a_paused_server_is_silent_and_then_answers() {
    let mut redis = Redis::start().await;
    let mut connection = Resp::connect(redis.port()).await.unwrap();
    connection.command(&["SET", "a", "1"]).await.unwrap();
    redis.pause();
    {
        let asked = connection.command(&["GET", "a"]);
        tokio::pin!(asked);
        assert!(
            timeout(Duration::from_millis(200), &mut asked)
                .await
                .is_err(),
            "it is not paused"
        );
        redis.resume();
        assert_eq!(asked.await.unwrap().text(), "1");
    }
}

#[tokio::test]
async fn a_replica_follows() {
    let primary = Redis::start().await;
    let replica = Redis::options().replica_of(&primary).start().await;
    // WAIT counts what its own connection has written.
    let mut connection = Resp::connect(primary.port()).await.unwrap();
    connection.command(&["SET", "a", "1"]).await.unwrap();
    let waited = connection.command(&["WAIT", "1", "10000"]).await.unwrap();
    assert_eq!(waited.integer(), 1);
    assert_eq!(replica.command(&["GET", "a"]).await.text(), "1");
}

#[tokio::test]
async fn a_password_is_asked_for() {
    let redis = Redis::options().password("secret").start().await;
    assert_eq!(
        redis.url(),
        format!("redis://:secret@127.0.0.1:{}", redis.port())
    );
    assert_eq!(redis.command(&["PING"]).await.text(), "PONG");
    let mut stranger = Resp::connect(redis.port()).await.unwrap();
    assert!(
        stranger
            .command(&["PING"])
            .await
            .unwrap_err()
            .starts_with("NOAUTH")
    );
}

#[tokio::test]
async fn a_bad_setting_fails_with_what_redis_says() {
    let start = tokio::spawn(Redis::options().set("no-such-setting", "1").start());
    let panic = start.await.unwrap_err().into_panic();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("Bad directive"), "{message}");
}

#[tokio::test]
async fn is_gone_when_dropped() {
    let redis = Redis::start().await;
    let port = redis.port();
    drop(redis);
    assert!(
        Resp::connect(port).await.is_err(),
        "something still listens on {port}"
    );
}
