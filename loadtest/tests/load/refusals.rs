//! What cannot be done is said in one sentence.

use causerie_testkit::port;

use crate::program::{causerie, command, run, run_as, standalone, target};

/// A run that could not be done; what it said.
async fn refused(scenario: &str, target: &str, arguments: &str) -> String {
    let end = run(scenario, &[target.to_owned()], arguments).await;
    assert_eq!(end.code, 1, "{end:#?}");
    assert_eq!(end.stdout, "");
    let said = end
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    let said: Vec<_> = said.collect();
    assert_eq!(said.len(), 1, "{end:#?}");
    said[0].to_owned()
}

#[tokio::test]
async fn nobody_listens() {
    let target = format!("ws://127.0.0.1:{}", port::free(&[]));
    for scenario in ["connect", "fanout", "chat", "storm", "mixed"] {
        let said = refused(scenario, &target, "").await;
        assert!(said.contains(&target) && said.contains("refused"), "{said}");
    }
}

#[tokio::test]
async fn the_secret_is_another() {
    let node = causerie().await;
    let target = target(&node);
    let secret = "--jwt-secret a-secret-of-which-no-server-has-heard";
    for scenario in ["connect", "storm"] {
        let said = refused(scenario, &target, secret).await;
        assert!(
            said.contains(&format!("{target}: refused with 401: ")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_server_is_full() {
    let node = standalone()
        .env("WEBSOCKET_MAX_CONNECTIONS", "5")
        .start()
        .await;
    let target = target(&node);
    for scenario in ["connect", "storm"] {
        let said = refused(scenario, &target, "--clients 20").await;
        assert!(
            said.contains(&format!("{target}: refused with 503: ")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_path_is_wrong() {
    let node = causerie().await;
    let said = refused("connect", &format!("{}/nowhere", target(&node)), "").await;
    assert!(said.contains("refused with 404"), "{said}");
}

#[tokio::test]
async fn there_is_no_secret() {
    let end = run_as(command().arg("connect").env_remove("AUTH_JWT_SECRET")).await;
    assert_eq!(end.code, 1, "{end:#?}");
    assert!(end.stderr.contains("--jwt-secret"), "{end:#?}");
}

#[tokio::test]
async fn so_many_files_may_not_be_opened() {
    let said = refused("connect", "ws://127.0.0.1:1", "--clients 100000000").await;
    assert!(said.contains("--part 1/"), "{said}");
}

#[tokio::test]
async fn a_process_is_not_there() {
    let said = refused("connect", "ws://127.0.0.1:1", "--server x=999999999").await;
    assert!(said.contains("no process x"), "{said}");
}

#[tokio::test]
async fn flags_make_no_sense() {
    for (arguments, said) in [
        ("fanout --rate 5 --search", "cannot be used with"),
        ("connect --target redis://127.0.0.1", "write ws://HOST:PORT"),
        ("connect --part 3/2", "write 2/5"),
        ("connect --sources 127.0.0.9-127.0.0.1", "from the lower"),
        ("rooms --dialect morse", "possible values"),
        ("fanout --rate 0", "a number above 0"),
        ("storm --patience -1", "unexpected argument"),
        ("storm --patience=-1", "a number above 0"),
        ("chat --tokens-per-second 0", "a number above 0"),
        ("connect --clients 0", "a whole number from 1 on"),
        ("merge run.json --goal p99", "write FIGURE<=NUMBER"),
        ("march", "unrecognized subcommand"),
    ] {
        let end = run_as(command().args(arguments.split_whitespace())).await;
        assert_eq!(end.code, 2, "{arguments}: {end:#?}");
        assert!(end.stderr.contains(said), "{arguments}: {end:#?}");
    }
}
