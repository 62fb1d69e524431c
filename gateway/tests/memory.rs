//! What a connection that says nothing keeps in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

#[path = "kit/making.rs"]
mod making;
#[path = "core/support.rs"]
mod support;

use causerie_testkit::client::raw::RawSocket;
use dhat::{Alloc, HeapStats, Profiler};

use support::Node;

#[global_allocator]
static ALLOCATOR: Alloc = Alloc;

/// What is built for all, and grows in steps, is there with so many.
const FIRST: usize = 500;

const MORE: usize = 1_000;

/// In bytes, unoptimised, with the client's own end. It is a bound on what there is, and
/// not a goal: raise it only for something that is worth it.
const MOST: usize = 3_300;

#[tokio::test]
async fn a_connection_that_rests_keeps_little() {
    let _profiler = Profiler::builder().testing().build();
    let node = Node::alone().await;
    let mut sockets = Vec::with_capacity(FIRST + MORE);
    let mut bytes = 0;
    for number in 0..FIRST + MORE {
        if number == FIRST {
            bytes = HeapStats::get().curr_bytes;
        }
        sockets.push(connect(&node, number).await);
    }
    let each = HeapStats::get().curr_bytes.saturating_sub(bytes) / MORE;
    assert!(each <= MOST, "{each} bytes");
}

/// Somebody in their own room and in that of their tenant.
async fn connect(node: &Node, number: usize) -> RawSocket {
    let mut socket = RawSocket::connect(&node.address).await;
    let path = format!("/ws?user=u{number}");
    let head = socket.shake_hands(&path, &[]).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    for _ in ["ready", "subscribed", "subscribed"] {
        assert!(socket.read_frame().await.is_some());
    }
    socket
}
