//! The same as in `compare.rs` of rivals, which have to be installed: `./test peers`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod talk;

use causerie_loadtest::compare::contender::Contender;
use talk::{COMPARED, compare, talk};

#[tokio::test]
async fn socketio_is_spoken_to() {
    talk(Contender::SocketIo, 1).await;
}

#[tokio::test]
async fn socketio_is_spoken_to_over_redis() {
    talk(Contender::SocketIo, 2).await;
}

#[tokio::test]
async fn sockudo_is_spoken_to() {
    talk(Contender::Sockudo, 1).await;
}

#[tokio::test]
async fn sockudo_is_spoken_to_over_redis() {
    talk(Contender::Sockudo, 2).await;
}

#[test]
fn a_short_comparison_writes_its_report() {
    compare("causerie,socketio,sockudo", "pairs", COMPARED);
}
