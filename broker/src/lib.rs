//! The broker: questions in, the AI backend called, sequenced replies out.
//!
//! [`Broker`] finds questions, claims them, and answers each in a task of its
//! own. It is stateless: whatever it was doing when it is killed another
//! broker goes on with.
//!
//! Finding work:
//! - `worker`: the [`Broker`]; hands what it finds to tasks, and drains
//! - `schedule`: who is served next
//! - `slots`: in how many replies are made at once
//! - `watch`: whose broker has died
//!
//! Making one reply:
//! - `generation`: from the claim of its question to its end
//! - [`prompt`]: what the model is asked
//! - [`backend`]: the AI backends, and the call that retries and falls back
//! - `listening`: what it says, read
//! - `writer`: from the model's texts to deltas
//! - `pace`: how long texts are gathered
//! - `records`: what the room is sent
//! - `outcome`: how the call went
//! - `turn`: what the session keeps of it
//!
//! Meanwhile:
//! - `running`: the replies made now, and the beats that show it
//! - `patience`: waiting for a bus that does not answer
//! - `events`: log lines and metrics
//! - `settings`, `configured`: [`Settings`] and [`Ai`], what its operator wants

pub mod backend;
mod configured;
mod events;
mod generation;
mod listening;
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
