//! The broker: questions in, the AI backend called, sequenced replies out.
//!
//! [`Broker`] finds questions, claims them, and answers each in a task of its
//! own. It is stateless: whatever it was doing when it is killed another
//! broker goes on with.
//!
//! - [`backend`]: the AI backends, and the call that retries and falls back
//! - [`Settings`], [`Ai`]: what it is told by its operator
//! - [`prompt`]: what the model is asked

pub mod backend;
mod configured;
mod events;
mod generation;
mod outcome;
mod pace;
mod patience;
pub mod prompt;
mod records;
mod running;
mod schedule;
mod settings;
mod slots;
mod turn;
mod watch;
mod worker;
mod writer;

pub use configured::check;
pub use settings::{Ai, Answering, Settings};
pub use worker::Broker;
