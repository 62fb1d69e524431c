//! Each way to make the network bad is seen from both of its ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::Ipv4Addr;
use std::time::Duration;

use causerie_testkit::DEADLINE;
use causerie_testkit::proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const SHORT: Duration = Duration::from_millis(100);

/// A proxy, and a connection through it: the client's end and the server's.
async fn connected() -> (Proxy, TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port()).await;
    let client = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    let server = listener.accept().await.unwrap().0;
    (proxy, client, server, listener)
}

async fn read(socket: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    timeout(DEADLINE, socket.read_exact(&mut buffer))
        .await
        .expect("bytes come")
        .unwrap();
    buffer
}

#[tokio::test]
async fn bytes_and_ends_pass_both_ways() {
    let (_proxy, mut client, mut server, _listener) = connected().await;
    client.write_all(b"ask").await.unwrap();
    assert_eq!(read(&mut server, 3).await, b"ask");
    server.write_all(b"reply").await.unwrap();
    assert_eq!(read(&mut client, 5).await, b"reply");
    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    server.write_all(b"late").await.unwrap();
    assert_eq!(read(&mut client, 4).await, b"late");
}

#[tokio::test]
async fn clients_stay_behind_a_proxy_that_stands_in_place_of_its_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = Ipv4Addr::new(127, 0, 0, 5);
    let _proxy = Proxy::in_place_of(port, address).await;
    let mut client = TcpStream::connect((address, port)).await.unwrap();
    let mut server = listener.accept().await.unwrap().0;
    client.write_all(b"127.0.0.1").await.unwrap();
    assert_eq!(read(&mut server, 9).await, b"127.0.0.1");
    // An address may come in pieces, and what looks like one may be none.
    server.write_all(b"at 127.0.0.1 or 127.").await.unwrap();
    assert_eq!(read(&mut client, 16).await, b"at 127.0.0.5 or ");
    server.write_all(b"0.0.1, 127.0.1.1, 12").await.unwrap();
    server.shutdown().await.unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "127.0.0.5, 127.0.1.1, 12");
}

#[tokio::test]
async fn a_delay_adds_latency_but_takes_no_throughput() {
    let (proxy, mut client, mut server, _listener) = connected().await;
    proxy.delay(SHORT);
    let started = Instant::now();
    client.write_all(b"ask").await.unwrap();
    read(&mut server, 3).await;
    assert!(started.elapsed() >= SHORT);
    // 1 MB in pieces: one after another they would take many times the delay.
    let started = Instant::now();
    let sender = tokio::spawn(async move {
        client.write_all(&vec![1; 1_000_000]).await.unwrap();
        client
    });
    read(&mut server, 1_000_000).await;
    assert!(started.elapsed() < SHORT * 20, "{:?}", started.elapsed());
    sender.await.unwrap();
}

#[tokio::test]
async fn a_stall_is_silent_even_about_the_end_and_then_everything_comes() {
    let (proxy, mut client, mut server, _listener) = connected().await;
    proxy.stall();
    client.write_all(b"ask").await.unwrap();
    drop(client);
    assert!(
        timeout(SHORT, server.read(&mut [0; 9])).await.is_err(),
        "something has passed"
    );
    proxy.resume();
    assert_eq!(read(&mut server, 3).await, b"ask");
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_trickle_is_slow() {
    let (proxy, mut client, mut server, _listener) = connected().await;
    proxy.trickle(1_000);
    let started = Instant::now();
    client.write_all(&[1; 300]).await.unwrap();
    read(&mut server, 300).await;
    assert!(
        started.elapsed() >= Duration::from_millis(250),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_cut_ends_what_is_open_and_a_block_what_comes() {
    let (proxy, mut client, mut server, listener) = connected().await;
    proxy.cut();
    assert_eq!(
        timeout(DEADLINE, client.read(&mut [0]))
            .await
            .unwrap()
            .unwrap_or(0),
        0
    );
    assert_eq!(
        timeout(DEADLINE, server.read(&mut [0]))
            .await
            .unwrap()
            .unwrap_or(0),
        0
    );

    let mut again = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    let mut server = listener.accept().await.unwrap().0;
    again.write_all(b"ask").await.unwrap();
    assert_eq!(read(&mut server, 3).await, b"ask");

    proxy.block();
    let mut refused = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    for socket in [&mut again, &mut refused] {
        assert_eq!(
            timeout(DEADLINE, socket.read(&mut [0]))
                .await
                .unwrap()
                .unwrap_or(0),
            0
        );
    }
    proxy.resume();
    let mut open = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    let mut server = listener.accept().await.unwrap().0;
    open.write_all(b"on").await.unwrap();
    assert_eq!(read(&mut server, 2).await, b"on");
}

#[tokio::test]
async fn a_dropped_proxy_cuts() {
    let (proxy, mut client, _server, _listener) = connected().await;
    drop(proxy);
    assert_eq!(
        timeout(DEADLINE, client.read(&mut [0]))
            .await
            .unwrap()
            .unwrap_or(0),
        0
    );
}
