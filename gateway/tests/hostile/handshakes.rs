//! Those who begin a handshake of TLS and do not finish it.

use std::sync::Arc;

use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::ws::Connect;
use futures::future::join_all;
use rustls::ClientConnection;

use crate::connections::PATIENCE;
use crate::stage::{Stage, Turns, many, token};

/// What a client says first.
fn client_hello(stage: &Stage) -> Vec<u8> {
    let name = "127.0.0.1".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::clone(stage.trust()), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// The beginning of a hello that says it is as long as any may be (RFC 8446, 4 and 5.1):
/// records of 16 KiB, none of which is its end.
fn endless_hello() -> Vec<u8> {
    let mut record = b"\x16\x03\x01\x40\x00".to_vec();
    record.resize(5 + (16 << 10), 0);
    let mut hello = record.repeat(4);
    hello[5..9].copy_from_slice(b"\x01\x00\xff\xff");
    hello.truncate(60_000);
    hello
}

#[tokio::test]
async fn who_does_not_finish_a_handshake_is_hung_up_on() {
    let stage = Stage::over_tls(&[PATIENCE]).await;
    let hello = client_hello(&stage);
    let endless = endless_hello();
    let beginnings = [b"", &hello[..20], &hello, &endless];
    let play = async |_| {
        let before = stage.node.metric("causerie_waiting_hung_up_total").await;
        let (mut begun, mut turns) = (Vec::new(), Turns::begin());
        for beginning in beginnings.iter().cycle().take(many()) {
            turns.next().await;
            let mut socket = RawSocket::connect(stage.node.url()).await;
            // Some are hung up on amid it.
            socket.try_send(beginning).await;
            begun.push(socket);
        }
        // Who comes now gets in: those who waited longest have made room.
        let (user, address) = stage.stranger();
        let newcomer = Connect::to(&stage.node.ws_url()).param("token", &token(&user));
        let newcomer = newcomer.header("x-forwarded-for", &address);
        let mut newcomer = newcomer.over_tls(stage.trust()).open().await;
        newcomer.expect_type("ready").await;
        let hung_up = stage.node.metric("causerie_waiting_hung_up_total").await;
        assert!(hung_up > before, "all still wait");
        join_all(begun.iter_mut().map(RawSocket::read_to_end)).await;
    };
    stage.attack(play).await;
    let what = format!(
        "opens {} connections, and finishes no handshake of TLS",
        many()
    );
    stage.expect_unharmed(&what).await;
}
