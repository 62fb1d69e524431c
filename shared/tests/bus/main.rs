//! The conformance suite of the bus: one set of cases, run against every
//! implementation, since a program must not be able to tell them apart.
//!
//! A case is a function over a [`World`](world::World). The macro
//! [`conformance!`] lists them all, and [`conformance_of_storage!`] those that
//! need a storage which can fail; a case that they leave out is dead code, which
//! the compiler reports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod cases;
mod ear;
mod memory;
mod patient;
mod redis;
mod scene;
mod world;
