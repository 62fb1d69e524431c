//! What is fuzzed: one module for each program in `fuzz_targets`. Each takes an input
//! apart as the gateway does, and holds what comes of it to what must be true of any
//! input.
//!
//! A parser that refuses everything would never be found wanting. So a target tells
//! what it has `reach`ed, and `gateway/tests/corpora.rs`, which includes these modules,
//! replays each corpus and holds it to the target's `REACHES`.
#![forbid(unsafe_code)]

pub mod frames;
pub mod headers;
pub mod messages;
pub mod names;
pub mod records;
pub mod tokens;

/// Is told of each kind of input that was reached.
pub type Reach<'a> = &'a mut dyn FnMut(&'static str);
