//! The AI backends: [`Backend`], a streamed model call, and its makers.
//!
//! - [`echo`]: built in, deterministic, at a set pace
//! - [`openai`]: any server that speaks OpenAI's chat completions
//! - [`anthropic`]: Anthropic's Messages
//! - [`call`]: one question asked of several backends, with time-outs,
//!   retries, a [`breaker`] per backend, and fallbacks
//!
//! ```
//! use causerie_broker::backend::{Backend, Chunk, Prompt, echo::{Echo, EchoConfig}};
//! use futures::StreamExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let mut reply = Echo::new(EchoConfig::default()).ask(Prompt::question("m1", "good morning"));
//! let mut text = String::new();
//! while let Some(Ok(chunk)) = reply.next().await {
//!     if let Chunk::Text(part) = chunk {
//!         text.push_str(&part);
//!     }
//! }
//! assert_eq!(text, "You said: good morning");
//! # }
//! ```

pub mod anthropic;
pub mod breaker;
pub mod call;
pub mod echo;
mod error;
mod events;
mod http;
pub mod openai;
mod silence;
mod span;
mod sse;

use std::fmt;
use std::pin::Pin;

use futures::Stream;

pub use error::{BackendError, ErrorKind};
pub use http::ConfigError;

/// An AI backend: takes a prompt, streams the reply.
pub trait Backend: Send + Sync {
    /// The backend's name in configuration, metrics and log lines: `echo`, `openai`, `anthropic`.
    fn name(&self) -> &'static str;

    /// The model that would answer this prompt: the prompt's own, or the configured one.
    fn model<'a>(&'a self, prompt: &'a Prompt) -> &'a str;

    /// Where it is asked, as `host` or `host:port`; `None` for one that is
    /// built in.
    fn place(&self) -> Option<&str> {
        None
    }

    /// Asks the model.
    ///
    /// The stream yields any number of [`Chunk::Thinking`] and [`Chunk::Text`] and ends with one
    /// [`Chunk::Done`] or one error; nothing follows either. Nothing is sent before the first poll, and dropping the
    /// stream at any time aborts the request: the server sees its connection closed.
    fn ask(&self, prompt: Prompt) -> ChunkStream;
}

/// The reply of a backend as it comes in; see [`Backend::ask`].
pub type ChunkStream = Pin<Box<dyn Stream<Item = Result<Chunk, BackendError>> + Send>>;

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// The operator's instructions, sent before the conversation.
    pub system: Option<String>,
    /// The conversation, oldest first; the question is the last turn.
    pub turns: Vec<Turn>,
    /// Overrides the backend's configured model.
    pub model: Option<String>,
    /// Sampling temperature, as the provider defines it.
    pub temperature: Option<f32>,
    /// The longest reply, in the provider's tokens.
    pub max_tokens: Option<u32>,
    /// Names this call; sent as the header `x-causerie-call`.
    pub call: CallId,
    /// W3C trace context, sent as the header `traceparent`.
    pub traceparent: Option<String>,
    /// Whether it is to be asked over a new connection: those that wait for further use may have
    /// died without a word.
    pub anew: bool,
}

impl Prompt {
    /// The prompt of a single question, first attempt and first try, with everything else unset.
    pub fn question(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            system: None,
            turns: vec![Turn::new(Role::User, text)],
            model: None,
            temperature: None,
            max_tokens: None,
            call: CallId {
                question: id.into(),
                attempt: 1,
                try_number: 1,
            },
            traceparent: None,
            anew: false,
        }
    }
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who spoke.
    pub role: Role,
    /// What was said.
    pub text: String,
}

impl Turn {
    /// A turn of `role`.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
        }
    }
}

/// Who spoke in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The role's name at the providers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// Names one model call; no two calls have the same.
///
/// Written `question/attempt/try`, as in `2a-0190b7/1/2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallId {
    /// The `message_id` of the question.
    pub question: String,
    /// Raised by each takeover, from 1.
    pub attempt: u32,
    /// Raised by each call within an attempt, retries and fallbacks alike, from 1.
    pub try_number: u32,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.question, self.attempt, self.try_number)
    }
}

/// A piece of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// The model thinks: a sign of life that is no part of the reply.
    Thinking,
    /// The next text; never empty.
    Text(String),
    /// The reply is complete.
    Done(Done),
}

/// How a reply ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Why the model stopped.
    pub finish: Finish,
    /// Tokens used, where the provider tells.
    pub usage: Option<Usage>,
    /// The model that answered, by the name the provider gives it.
    pub model: String,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It had said everything.
    Stop,
    /// It reached the longest reply allowed.
    Length,
}

/// Tokens used by a call, by the provider's own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the reply.
    pub completion_tokens: u64,
}
