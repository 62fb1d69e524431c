//! What the gateway makes of every kind of frame: RFC 6455 and 7692 over the
//! raw socket of a running `causerie-gateway`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod compression;
mod control;
mod framing;
mod limits;
mod support;
mod text;
