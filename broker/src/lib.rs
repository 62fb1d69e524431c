//! The broker: questions in, the AI backend called, sequenced replies out.
//!
//! - [`backend`]: the AI backends, and the call that retries and falls back

pub mod backend;
