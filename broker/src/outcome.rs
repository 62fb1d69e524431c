//! How a model call went.

use std::time::Duration;

use causerie_shared::protocol::data::{FinishReason, ReplyMetadata};
use causerie_shared::protocol::error::ErrorCode;
use tokio::time::Instant;

use crate::backend::{BackendError, Done, ErrorKind, Finish};
use crate::events;

/// How a model call ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The model had no more to say, or was cut.
    Done(Done),
    /// It failed.
    Failed(BackendError),
    /// Somebody cancelled it, perhaps when the model had said all.
    Cancelled(Option<Done>),
    /// There was none, and never will be: this goes to the dead letters.
    Hopeless(String),
}

/// What was learnt of the call while it went on.
#[derive(Debug)]
pub(crate) struct Heard {
    began: Instant,
    prompt_estimate: u64,
    model: Option<String>,
    first_text_after: Option<Duration>,
    last_text_at: Instant,
    bytes: u64,
}

/// How a model call went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    /// Where there was a call.
    pub(crate) heard: Option<Heard>,
}

impl Heard {
    /// A call for a question that was claimed at `began`.
    pub(crate) fn new(began: Instant, prompt_estimate: usize) -> Self {
        Self {
            began,
            prompt_estimate: prompt_estimate as u64,
            model: None,
            first_text_after: None,
            last_text_at: began,
            bytes: 0,
        }
    }

    pub(crate) fn on_answering(&mut self, model: String) {
        self.model = Some(model);
    }

    pub(crate) fn on_text(&mut self, text: &str) {
        let now = Instant::now();
        if self.first_text_after.is_none() {
            let after = now - self.began;
            self.first_text_after = Some(after);
            events::first_text(after);
        } else {
            events::next_text(now - self.last_text_at);
        }
        self.last_text_at = now;
        self.bytes += text.len() as u64;
    }
}

impl Outcome {
    /// No model is asked.
    pub(crate) fn hopeless(why: &str) -> Self {
        Self {
            ended: Ended::Hopeless(why.to_owned()),
            heard: None,
        }
    }

    /// Somebody was promised that it ends as cancelled, whatever it has come to.
    pub(crate) fn cancel(&mut self) {
        let ended = std::mem::replace(&mut self.ended, Ended::Cancelled(None));
        if let Ended::Done(done) | Ended::Cancelled(Some(done)) = ended {
            self.ended = Ended::Cancelled(Some(done));
        }
    }

    pub(crate) fn finish_reason(&self) -> FinishReason {
        match &self.ended {
            Ended::Done(done) => match done.finish {
                Finish::Stop => FinishReason::Stop,
                Finish::Length => FinishReason::Length,
            },
            Ended::Cancelled(_) => FinishReason::Cancelled,
            Ended::Failed(_) | Ended::Hopeless(_) => FinishReason::Error,
        }
    }

    /// Why it failed, if it did, and whether asking again may help.
    pub(crate) fn failure(&self) -> Option<(ErrorCode, bool)> {
        match &self.ended {
            Ended::Done(_) | Ended::Cancelled(_) => None,
            Ended::Failed(error) => Some(code_of(error.kind)),
            Ended::Hopeless(_) => Some((ErrorCode::Internal, false)),
        }
    }

    pub(crate) fn dead_letter(&self) -> Option<&str> {
        match &self.ended {
            Ended::Hopeless(why) => Some(why),
            Ended::Done(_) | Ended::Failed(_) | Ended::Cancelled(_) => None,
        }
    }

    /// The model that was asked; its answer may name another.
    pub(crate) fn asked_model(&self) -> Option<&str> {
        self.heard.as_ref()?.model.as_deref()
    }

    /// How the reply was made, by the attempt that now ends it.
    pub(crate) fn metadata(&self, attempt: u32, took: Duration) -> ReplyMetadata {
        let mut metadata = ReplyMetadata {
            response_time: ms(took),
            attempt,
            ..ReplyMetadata::default()
        };
        // A backend tells what was used only at the end; of a call that was
        // begun and did not get there the estimate is better than nothing.
        if let Some(heard) = &self.heard {
            metadata.model_used.clone_from(&heard.model);
            metadata.time_to_first_token = heard.first_text_after.map(ms);
            metadata.prompt_tokens = heard.model.is_some().then_some(heard.prompt_estimate);
            metadata.token_count = heard.model.is_some().then_some(heard.bytes.div_ceil(4));
        }
        if let Ended::Done(done) | Ended::Cancelled(Some(done)) = &self.ended {
            metadata.model_used = Some(done.model.clone());
            if let Some(usage) = done.usage {
                metadata.token_count = Some(usage.completion_tokens);
                metadata.prompt_tokens = Some(usage.prompt_tokens);
            }
        }
        metadata
    }
}

fn code_of(kind: ErrorKind) -> (ErrorCode, bool) {
    match kind {
        ErrorKind::FirstTokenTimeout | ErrorKind::Timeout | ErrorKind::Stalled => {
            (ErrorCode::AiTimeout, true)
        }
        ErrorKind::RateLimited { .. }
        | ErrorKind::Overloaded { .. }
        | ErrorKind::Unavailable
        | ErrorKind::BrokeOff
        | ErrorKind::Malformed => (ErrorCode::AiUnavailable, true),
        ErrorKind::Unauthorized | ErrorKind::BadRequest => (ErrorCode::AiUnavailable, false),
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
