//! What is typed or written wrong stops the start, with one sentence that
//! names the key, the value and what is allowed.

use causerie_testkit::process::Program;

async fn refused(program: Program, says: &[&str]) {
    let end = program.run().await;
    assert!(end.code.is_some_and(|code| code != 0), "{end:?}");
    let said = end.output.trim();
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    for words in says {
        assert!(said.contains(words), "{words:?} is missing in: {said}");
    }
}

#[tokio::test]
async fn a_bad_value_is_refused_wherever_it_stands() {
    let key = "websocket.heartbeat_interval";
    refused(
        Program::causerie().config("[websocket]\nheartbeat_interval = 'soon'"),
        &[key, "soon", "25s"],
    )
    .await;
    refused(
        Program::causerie().env("WEBSOCKET_HEARTBEAT_INTERVAL", "soon"),
        &[key, "WEBSOCKET_HEARTBEAT_INTERVAL", "soon"],
    )
    .await;
    refused(
        Program::causerie().args(["--set", "websocket.heartbeat_interval=soon"]),
        &[key, "soon"],
    )
    .await;
    refused(
        Program::causerie().env("WEBSOCKET_PORT", "70000"),
        &["websocket.port", "70000", "65535"],
    )
    .await;
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_program() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let end = Program::causerie()
        .env("WEBSOCKET_PORT", port.as_str())
        .run()
        .await;
    assert_eq!(end.code, Some(1), "{end:?}");
    for words in ["websocket.port", "WEBSOCKET_PORT", &port] {
        assert!(end.output.contains(words), "{words} is missing: {end:?}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused_with_the_nearest_one() {
    refused(
        Program::causerie().config("[websocket]\nhartbeat_interval = '25s'"),
        &[
            "websocket.hartbeat_interval",
            "websocket.heartbeat_interval",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_bad_argument_is_refused() {
    refused(
        Program::gateway().args(["--confg", "x"]),
        &["--confg", "--config"],
    )
    .await;
}

#[tokio::test]
async fn a_cluster_program_without_redis_says_what_to_run_instead() {
    refused(Program::gateway(), &["redis", "causerie"]).await;
    refused(Program::broker(), &["redis", "causerie"]).await;
}
