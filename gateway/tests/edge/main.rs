//! The gateway's edge: tokens, admission, HTTP and Server-Sent Events, over
//! real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod absence;
mod address;
mod admission;
mod api_keys;
mod audit;
mod auth;
mod chat;
mod closing;
mod compression;
mod connections;
mod deleting;
mod events;
mod filtering;
mod key_sets;
#[path = "../kit/making.rs"]
mod making;
mod pace;
mod permissions;
mod presence;
mod publishing;
mod reading;
mod receipts;
mod renewing;
mod revoking;
mod rollout;
mod support;
mod tls;
mod typing;
