//! `./cluster`: a whole installation with one command.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use causerie_testkit::child::Child;
use causerie_testkit::client::http;
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::port;
use causerie_testkit::process::path_of;
use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::kit::device::PATIENCE;

/// How far above its first port the other parts listen.
const ABOVE: [u16; 6] = [1, 2, 10, 11, 12, 20];

fn start(first_port: u16, temporary: &Path) -> Child {
    let mut command = Command::new("bash");
    let programs = ["causerie-gateway", "causerie-broker"].map(path_of);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster"))
        .args(["--port", &first_port.to_string(), "--programs"])
        .arg(programs[0].parent().unwrap())
        .env("TMPDIR", temporary);
    Child::spawn("./cluster", command)
}

/// A page of the gateway that listens on `port`, with the `token` of a link.
async fn visit(port: u16, token: &str) -> Client {
    let origin = format!("http://127.0.0.1:{port}");
    let connect = Connect::to(&format!("ws://127.0.0.1:{port}/ws")).header("origin", &origin);
    let mut client = connect.param("token", token).open().await;
    client.expect_type("ready").await;
    client
}

#[tokio::test]
async fn ask_at_one_gateway_and_hear_at_the_other_then_nothing_is_left() {
    let (first, temporary) = (port::free(&ABOVE), TempDir::new().unwrap());
    let mut cluster = start(first, temporary.path());
    let up = |line: &str| line.contains("Ctrl-C stops everything").then_some(());
    cluster.find_line(0, "that it is up", up).await.unwrap();

    let output = cluster.output();
    let mut tokens = Vec::new();
    for port in [first, first + 10] {
        let page = http::get(&format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let link = format!("http://127.0.0.1:{port}/#token=");
        let token = output
            .split_once(&link)
            .and_then(|(_, rest)| rest.lines().next());
        tokens.push(
            token
                .unwrap_or_else(|| panic!("no {link}… in {output}"))
                .to_owned(),
        );
    }
    let mut asking = visit(first, &tokens[0]).await;
    let mut hearing = visit(first + 10, &tokens[1]).await;
    hearing.expect_type("subscribed").await;
    let ask = json!({"action": "sendMessage", "data": {"user_input": "Is anybody there?"}});
    let ack = asking.request(ask).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let answer = hearing.expect_type("message").await;
    assert_eq!(answer["data"]["in_reply_to"], ack["data"]["message_id"]);

    cluster.signal(Signal::SIGINT);
    let status = cluster.wait_within(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "{}", cluster.output());
    for above in [0].into_iter().chain(ABOVE) {
        // A listener that is left would still hold its port.
        let bound = TcpListener::bind(("127.0.0.1", first + above));
        assert!(bound.is_ok(), "port {} is still taken", first + above);
    }
    let left: Vec<_> = temporary.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_what_to_do() {
    let (first, temporary) = (port::free(&ABOVE), TempDir::new().unwrap());
    let taken = TcpListener::bind(("127.0.0.1", first + 20)).unwrap();
    let mut cluster = start(first, temporary.path());
    let status = cluster.wait_within(PATIENCE).await;
    assert_eq!(status.code(), Some(1), "{}", cluster.output());
    let port = taken.local_addr().unwrap().port();
    let said = cluster.output();
    assert!(said.contains(&format!("port {port} is taken")), "{said}");
    assert!(said.contains("--port"), "{said}");
}
