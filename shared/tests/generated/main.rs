//! Files that are generated from the types: golden frames and records under
//! `fixtures/`, the JSON Schema under `docs/schema/`, the tables of docs/metrics.md. Each is checked to be
//! what the types say now. To write them again:
//!
//! ```sh
//! WRITE_DOCS=1 cargo test -p causerie-shared --test generated
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod client_frames;
mod file;
mod metrics;
mod records;
mod sample;
mod schema;
mod server_frames;
mod typescript;
