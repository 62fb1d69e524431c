//! One question asked of several backends: time-outs, retries, breakers, fallbacks.
//!
//! A backend is tried again, after a pause, as long as nothing of its reply has come in; then
//! the next one is asked. Once text has come the reply is that backend's, and its failure ends
//! the call: what people have read cannot be taken back by asking somebody else.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep};
use tracing::{Instrument, Span};

use super::breaker::{Breaker, BreakerConfig, BreakerState, Pass};
use super::silence::Silence;
use super::span::ModelSpan;
use super::{
    Backend, BackendError, CallId, Chunk, ChunkStream, Done, ErrorKind, Finish, Prompt, events,
};

/// How long to wait for what, and how often to try.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPolicy {
    /// The longest a try may take to its first text, or a model may be silent while it thinks.
    pub first_token_timeout: Duration,
    /// The longest silence within a reply.
    pub stall_timeout: Duration,
    /// The longest the whole call may take, with all its tries.
    pub timeout: Duration,
    /// Tries of each backend, the first included; at least 1.
    pub tries: u32,
    /// The pause before the second try. It doubles with each, and a random part up to as much
    /// again is added.
    pub min_pause: Duration,
    /// The longest pause. Where nobody else can be asked the provider may ask for more, up to
    /// `first_token_timeout`.
    pub max_pause: Duration,
    /// A longer reply is cut here, in bytes, and ends with [`Finish::Length`].
    pub max_reply_bytes: usize,
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            first_token_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(20),
            timeout: Duration::from_secs(120),
            tries: 3,
            min_pause: Duration::from_millis(250),
            max_pause: Duration::from_secs(5),
            max_reply_bytes: 1024 * 1024,
        }
    }
}

/// A backend and its breaker, shared by all that call it.
#[derive(Clone)]
pub struct Guarded {
    backend: Arc<dyn Backend>,
    breaker: Arc<Breaker>,
    model: Option<String>,
}

impl Guarded {
    /// Guards `backend` with a breaker of its own.
    pub fn new(backend: Arc<dyn Backend>, config: BreakerConfig) -> Self {
        let breaker = Arc::new(Breaker::new(backend.name(), config));
        Self {
            backend,
            breaker,
            model: None,
        }
    }

    /// The same backend behind the same breaker, asked for this model instead of its own.
    #[must_use]
    pub fn with_model(self, model: Option<String>) -> Self {
        Self { model, ..self }
    }

    /// What the breaker does with calls now.
    pub fn breaker_state(&self) -> BreakerState {
        self.breaker.state()
    }
}

/// What the caller of [`ask`] learns, in this order: one `Answering`, any number of `Text`, one
/// `Done`.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEvent {
    /// A backend has begun to answer; its first text follows.
    Answering {
        /// The backend's name.
        backend: &'static str,
        /// The model it was asked for; `Done` names the one that answered.
        model: String,
        /// The try that succeeded.
        call: CallId,
        /// From the beginning of the call, failed tries and pauses included.
        time_to_first_token: Duration,
    },
    /// The next text; never empty.
    Text(String),
    /// The reply is complete.
    Done(Done),
}

/// The events of a call; see [`ask`].
pub type CallStream = Pin<Box<dyn Stream<Item = Result<CallEvent, BackendError>> + Send>>;

/// Asks `backends` in turn, the first of them preferred.
///
/// Tries are numbered from the prompt's own `try_number` on, over all backends. The stream ends
/// with `Done` or an error, and dropping it aborts the call: the backend sees its connection
/// closed. The time-outs run from now, and what happens is told in the current span.
pub fn ask(backends: Vec<Guarded>, policy: CallPolicy, prompt: Prompt) -> CallStream {
    let call = Call::new(backends, policy, prompt);
    Box::pin(stream::unfold(Some((call, None)), |state| async move {
        let (mut call, mut answer) = state?;
        let item = call.next(&mut answer).await;
        let over = matches!(item, Ok(CallEvent::Done(_)) | Err(_));
        Some((item, (!over).then_some((call, answer))))
    }))
}

/// A call while it goes on.
struct Call {
    backends: Vec<Guarded>,
    policy: CallPolicy,
    prompt: Prompt,
    span: Span,
    started: Instant,
    deadline: Instant,
}

/// A [`Chunk`] that people hear of.
enum Said {
    Text(String),
    Done(Done),
}

/// The reply of the backend that has begun to answer.
struct Answer {
    backend: &'static str,
    place: Option<String>,
    chunks: ChunkStream,
    silence: Silence,
    pass: Option<Pass>,
    span: ModelSpan,
    call: CallId,
    model: String,
    /// Came with the news that it answers.
    first: Option<Said>,
    bytes: usize,
}

impl Call {
    fn new(backends: Vec<Guarded>, policy: CallPolicy, prompt: Prompt) -> Self {
        let started = Instant::now();
        let deadline = started + policy.timeout;
        Self {
            backends,
            policy,
            prompt,
            span: Span::current(),
            started,
            deadline,
        }
    }

    async fn next(&mut self, answer: &mut Option<Answer>) -> Result<CallEvent, BackendError> {
        match answer {
            Some(answer) => self.next_of(answer).await,
            None => {
                let span = self.span.clone();
                let begun = answer.insert(self.first_answer().instrument(span).await?);
                Ok(CallEvent::Answering {
                    backend: begun.backend,
                    model: begun.model.clone(),
                    call: begun.call.clone(),
                    time_to_first_token: self.started.elapsed(),
                })
            }
        }
    }

    /// The first backend that begins to answer.
    async fn first_answer(&mut self) -> Result<Answer, BackendError> {
        let mut failed = None;
        let backends = std::mem::take(&mut self.backends);
        let mut left = backends.iter();
        while let Some(guarded) = left.next() {
            if let Some(error) = &failed {
                events::falling_back(&self.prompt.call, error, guarded.backend.name());
            }
            match self.persist(guarded, left.len() > 0).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failed = Some(error),
            }
        }
        let none = || BackendError::new(ErrorKind::Unavailable, "", "no backend is configured");
        Err(failed.unwrap_or_else(none))
    }

    /// Tries one backend until it begins to answer, or there is no more use.
    async fn persist(
        &mut self,
        guarded: &Guarded,
        has_fallback: bool,
    ) -> Result<Answer, BackendError> {
        let mut pauses = self.policy.pauses();
        let name = guarded.backend.name();
        let mut failed = BackendError::new(ErrorKind::Unavailable, name, "its breaker is open");
        while let Some(pass) = guarded.breaker.try_pass() {
            let error = match self.try_once(guarded, pass).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = self.pause_after(&error, &mut pauses, has_fallback);
            failed = error;
            let Some(pause) = pause else { break };
            events::retrying(&self.prompt.call, &failed, pause);
            sleep(pause).await;
        }
        Err(failed)
    }

    /// How long to pause before the next try, where one makes sense.
    fn pause_after(
        &self,
        error: &BackendError,
        pauses: &mut ExponentialBackoff,
        has_fallback: bool,
    ) -> Option<Duration> {
        let asked = error.kind.retry_after().unwrap_or_default();
        // Nobody waits longer for a first word, and this call holds a slot.
        let longest = if has_fallback {
            self.policy.max_pause
        } else {
            self.policy.first_token_timeout
        };
        let too_long = asked > longest;
        if !error.retryable() || too_long {
            return None;
        }
        let pause = pauses.next()?.max(asked);
        (pause < self.deadline.saturating_duration_since(Instant::now())).then_some(pause)
    }

    /// Asks a backend once, and waits for the first it says.
    async fn try_once(
        &mut self,
        guarded: &Guarded,
        mut pass: Pass,
    ) -> Result<Answer, BackendError> {
        let mut prompt = self.prompt.clone();
        prompt.model = guarded.model.clone().or(prompt.model);
        prompt.anew = pass.is_probe() || prompt.call.try_number > 1;
        self.prompt.call.try_number += 1;
        let span = ModelSpan::begin(&self.span, &*guarded.backend, &prompt);
        prompt.traceparent = span.traceparent().or(prompt.traceparent);

        let name = guarded.backend.name();
        let call = prompt.call.clone();
        let model = guarded.backend.model(&prompt).to_owned();
        let place = guarded.backend.place();
        let began = Instant::now();
        let mut chunks = guarded.backend.ask(prompt);
        let mut silence = Silence::default();
        let limit = (
            self.policy.first_token_timeout,
            ErrorKind::FirstTokenTimeout,
        );
        match self.next_said(name, &mut chunks, &mut silence, limit).await {
            Ok(first) => {
                pass.on_first_token();
                span.first_text(began.elapsed());
                events::first_token(name, &call, began.elapsed());
                let (pass, first) = (Some(pass), Some(first));
                Ok(Answer {
                    backend: name,
                    place: place.map(str::to_owned),
                    chunks,
                    silence,
                    pass,
                    span,
                    call,
                    model,
                    first,
                    bytes: 0,
                })
            }
            Err(error) => {
                span.failed(&error);
                events::try_failed(&call, &error, place, &model);
                on_failure(pass, &error);
                Err(error)
            }
        }
    }

    async fn next_of(&self, answer: &mut Answer) -> Result<CallEvent, BackendError> {
        let name = answer.backend;
        let limit = (self.policy.stall_timeout, ErrorKind::Stalled);
        let said = match answer.first.take() {
            Some(first) => Ok(first),
            None => {
                let Answer {
                    chunks, silence, ..
                } = answer;
                self.next_said(name, chunks, silence, limit).await
            }
        };
        match said {
            Ok(Said::Text(text)) => Ok(self.on_text(answer, text)),
            Ok(Said::Done(done)) => {
                answer.pass.take().into_iter().for_each(Pass::on_done);
                self.span.in_scope(|| events::replied(name, &answer.call));
                answer.span.done(&done);
                Ok(CallEvent::Done(done))
            }
            Err(error) => {
                if let Some(pass) = answer.pass.take() {
                    answer.span.failed(&error);
                    let _told_in = self.span.enter();
                    let place = answer.place.as_deref();
                    events::try_failed(&answer.call, &error, place, &answer.model);
                    on_failure(pass, &error);
                }
                Err(error)
            }
        }
    }

    /// A reply over the limit loses its end, and ends: no backend fills our memory.
    fn on_text(&self, answer: &mut Answer, mut text: String) -> CallEvent {
        let room = self.policy.max_reply_bytes - answer.bytes;
        if text.len() > room {
            let end = (0..=room).rfind(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or_default());
            let _told_in = self.span.enter();
            events::reply_cut(answer.backend, &answer.call, self.policy.max_reply_bytes);
            let done = Done {
                finish: Finish::Length,
                usage: None,
                model: answer.model.clone(),
            };
            if text.is_empty() {
                return CallEvent::Done(done);
            }
            answer.chunks = Box::pin(stream::empty());
            answer.first = Some(Said::Done(done));
        }
        answer.bytes += text.len();
        CallEvent::Text(text)
    }

    /// The next text or the end, within `limit` of the last sign of life and the time left.
    async fn next_said(
        &self,
        backend: &'static str,
        chunks: &mut ChunkStream,
        silence: &mut Silence,
        (limit, too_late): (Duration, ErrorKind),
    ) -> Result<Said, BackendError> {
        loop {
            let due = Instant::now() + limit;
            let (due, too_late) = if due < self.deadline {
                (due, too_late)
            } else {
                (self.deadline, ErrorKind::Timeout)
            };
            let chunk = tokio::select! {
                biased;
                chunk = chunks.next() => chunk,
                () = silence.until(due) => {
                    return Err(BackendError::new(too_late, backend, ""));
                }
            };
            match chunk {
                Some(Ok(Chunk::Thinking)) => {}
                Some(Ok(Chunk::Text(text))) => return Ok(Said::Text(text)),
                Some(Ok(Chunk::Done(done))) => return Ok(Said::Done(done)),
                Some(Err(error)) => return Err(error),
                None => {
                    let (kind, detail) = (ErrorKind::BrokeOff, "ended unfinished");
                    return Err(BackendError::new(kind, backend, detail));
                }
            }
        }
    }
}

impl CallPolicy {
    fn pauses(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(self.min_pause)
            .with_max_delay(self.max_pause)
            .with_max_times(self.tries.saturating_sub(1) as usize)
            .with_jitter()
            .build()
    }
}

fn on_failure(pass: Pass, error: &BackendError) {
    if error.kind.is_backends_fault() {
        pass.on_failure();
    }
}
