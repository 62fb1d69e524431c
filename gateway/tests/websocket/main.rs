//! What the gateway makes of every kind of frame: RFC 6455 and 7692 over the
//! raw socket of a running `causerie-gateway`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod cases;
mod closing;
mod compression;
mod fragments;
mod frames;
mod handshake;
mod limits;
mod support;
mod texts;
