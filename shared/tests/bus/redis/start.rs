//! What is refused at the start.

use std::time::Duration;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{BusError, Retention};
use causerie_testkit::redis::Redis;

async fn refusal(url: String) -> BusError {
    let settings = RedisSettings {
        timeout: Duration::from_secs(1),
        ..RedisSettings::new(url)
    };
    let connected = RedisBus::connect(settings, Retention::default()).await;
    connected.expect_err("it was taken")
}

#[tokio::test]
async fn another_installations_redis_is_refused() {
    let redis = Redis::start().await;
    let theirs = "partitions=64 format=1";
    redis
        .command(&["SET", "causerie:installation", theirs])
        .await;
    let error = refusal(redis.url()).await.to_string();
    assert!(
        error.contains(theirs) && error.contains("partitions=128"),
        "{error}"
    );
    let kept = redis.command(&["GET", "causerie:installation"]).await;
    assert_eq!(kept.text(), theirs);
}

#[tokio::test]
async fn a_wrong_password_is_named() {
    let redis = Redis::options().set("requirepass", "right").start().await;
    let url = format!("redis://:wrong@127.0.0.1:{}", redis.port());
    let error = refusal(url).await.to_string();
    assert!(error.contains("WRONGPASS"), "{error}");
    assert!(!error.contains(":wrong"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let mut redis = Redis::start().await;
    redis.kill();
    let error = refusal(redis.url()).await.to_string();
    let port = redis.port();
    let sentence = format!(
        "Redis at 127.0.0.1:{port} refuses connections: start it, or set redis.url (REDIS_URL)"
    );
    assert!(error.ends_with(&sentence), "{error}");

    let error = refusal("redis://nobody.invalid:1".to_owned())
        .await
        .to_string();
    let begin = "Redis at nobody.invalid:1 cannot be reached: ";
    assert!(error.contains(begin) && !error.contains('{'), "{error}");
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_refused() {
    let error = refusal("not a url".to_owned()).await.to_string();
    assert!(error.contains("URL"), "{error}");
}
