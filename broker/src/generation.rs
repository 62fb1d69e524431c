//! One reply, from the claim of its question to its end.

use bytes::Bytes;
use causerie_shared::bus::Bus;
use causerie_shared::bus::reply::{Claim, Ending, Finished};
use causerie_shared::protocol::data::{FinishReason, Reply, Role};
use causerie_shared::task::Task;
use causerie_shared::telemetry::{continue_trace, sent_traceparent, traceparent};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::backend::call::{self, CallStream};
use crate::events;
use crate::listening::{Said, hand_on, texts};
use crate::outcome::{Ended, Heard, Outcome};
use crate::patience::{Lost, until_answered};
use crate::prompt::{prompt, tokens_of};
use crate::records::Records;
use crate::running::Signals;
use crate::turn::PastTurn;
use crate::worker::Worker;
use crate::writer::Writer;

/// So often a reply is begun; then it ends with an error.
const MAX_ATTEMPTS: u32 = 3;

/// Answers a claimed question: announces the reply, asks the model, sends what
/// it says, ends the reply. Returns early, without a word to anybody, when the
/// reply is no longer this broker's.
pub(crate) async fn answer(worker: &Worker, claim: &Claim) {
    let entry = worker.running.enter(&claim.lease);
    if claim.cancelled {
        entry.signals.cancelled.cancel();
    }
    let task = task(claim);
    let span = span(claim, task.as_ref().ok());
    let generation = Generation {
        worker,
        claim,
        records: Records::new(&*worker.bus, claim, sent_traceparent(&span)),
        signals: &entry.signals,
        span,
        began: Instant::now(),
    };
    if let Err(lost) = generation.run(task).await {
        let _told_in = generation.span.enter();
        events::reply_lost(&claim.lease, &lost);
    }
}

/// What is asked, or why it is hopeless to answer.
fn task(claim: &Claim) -> Result<Task, String> {
    if claim.begun > MAX_ATTEMPTS && !claim.cancelled {
        return Err(format!("none of {MAX_ATTEMPTS} attempts came to an end"));
    }
    Task::decode(&claim.task).map_err(|error| error.to_string())
}

/// The reply's part of the trace that the client began.
fn span(claim: &Claim, task: Option<&Task>) -> Span {
    let span = tracing::info_span!(
        "reply",
        otel.kind = "consumer",
        tenant = %claim.lease.room.tenant,
        reply = %claim.lease.message_id,
        question = %claim.in_reply_to,
        attempt = claim.lease.attempt,
    );
    if let Some(traceparent) = task.and_then(|task| task.traceparent.as_deref()) {
        continue_trace(&span, traceparent);
    }
    span
}

struct Generation<'a> {
    worker: &'a Worker,
    claim: &'a Claim,
    records: Records<'a>,
    signals: &'a Signals,
    /// Entered only where something is told: a future that is in it is so each time it
    /// is polled, and of each word of each reply that costs a tenth of all.
    span: Span,
    began: Instant,
}

/// A model call that has not begun.
struct Call {
    stream: CallStream,
    prompt_estimate: usize,
}

impl Generation<'_> {
    async fn run(&self, task: Result<Task, String>) -> Result<(), Lost> {
        let (texts, written) = texts();
        let speak = async {
            Ok(match &task {
                Ok(task) => self.listen(self.call(task), texts).await,
                Err(hopeless) => {
                    drop(texts);
                    Outcome::hopeless(hopeless)
                }
            })
        };
        let running = &self.worker.running;
        let writer = Writer::new(self.bus(), &self.records, self.signals, running, &self.span);
        let write = writer.run(written);
        // The ending says itself whether it was fenced; a beat behind one that
        // was carried out would say so wrongly.
        let (outcome, text) = tokio::select! {
            biased;
            made = async { tokio::try_join!(speak, write) } => made?,
            () = self.signals.fenced.cancelled() => return Err(Lost::Fenced),
        };
        let finish = self.finish(outcome, &text, task.as_ref().ok());
        finish.instrument(self.span.clone()).await
    }

    fn call(&self, task: &Task) -> Call {
        let ai = self.worker.ai.load();
        let mut prompt = prompt(&ai, self.claim, task);
        prompt.traceparent = traceparent(&self.span).or(prompt.traceparent);
        let prompt_estimate = tokens_of(&prompt);
        let tenant = &self.claim.lease.room.tenant;
        let backends = ai.answering(tenant).backends.clone();
        let policy = ai.call.clone();
        Call {
            stream: self.span.in_scope(|| call::ask(backends, policy, prompt)),
            prompt_estimate,
        }
    }

    /// Hands the model's texts on until it ends, fails, or is cancelled. The
    /// call ends with this function: the backend sees its connection closed.
    async fn listen(&self, call: Call, texts: mpsc::Sender<Said>) -> Outcome {
        let mut heard = Heard::new(self.began, call.prompt_estimate);
        let ended = tokio::select! {
            biased;
            () = self.signals.cancelled.cancelled() => Ended::Cancelled(None),
            ended = hand_on(call.stream, &texts, &mut heard, &self.worker.running) => ended,
        };
        Outcome {
            ended,
            heard: Some(heard),
        }
    }

    /// Ends the reply: as cancelled where somebody was promised that, whatever the
    /// model has said meanwhile.
    async fn finish(
        &self,
        mut outcome: Outcome,
        text: &str,
        task: Option<&Task>,
    ) -> Result<(), Lost> {
        if self.signals.cancelled.is_cancelled() {
            outcome.cancel();
        }
        loop {
            let reply = self.reply(&outcome, text);
            let ending = self.ending(&outcome, &reply, task);
            let finish = || self.bus().finish(&self.claim.lease, &ending);
            match until_answered(&self.span, "finish", finish).await? {
                Finished::Fenced => return Err(Lost::Fenced),
                Finished::Cancelled => outcome.cancel(),
                Finished::Done => {
                    self.count_cost(&outcome, &reply);
                    events::reply_finished(&self.claim.lease, &reply, &outcome);
                    return Ok(());
                }
            }
        }
    }

    fn count_cost(&self, outcome: &Outcome, reply: &Reply) {
        let ai = self.worker.ai.load();
        let metadata = &reply.metadata;
        let names = [outcome.asked_model(), metadata.model_used.as_deref()];
        let mut prices = ai.prices.iter();
        if let Some(price) = prices.find(|price| names.contains(&Some(price.model.as_str()))) {
            let prompt = metadata.prompt_tokens.unwrap_or_default();
            let cost = price.cost_of(prompt, metadata.token_count.unwrap_or_default());
            events::paid(price, cost);
        }
    }

    fn reply(&self, outcome: &Outcome, text: &str) -> Reply {
        let attempt = self.claim.lease.attempt;
        Reply {
            message_id: self.claim.lease.message_id.clone(),
            session_id: self.claim.session.clone(),
            in_reply_to: self.claim.in_reply_to.clone(),
            role: Role::Assistant,
            content: text.to_owned(),
            sources: Vec::new(),
            finish_reason: outcome.finish_reason(),
            metadata: outcome.metadata(attempt, self.began.elapsed()),
        }
    }

    fn ending(&self, outcome: &Outcome, reply: &Reply, task: Option<&Task>) -> Ending {
        Ending {
            before: self.records.before_message(outcome.failure()),
            message: self.records.message(reply),
            says_cancelled: reply.finish_reason == FinishReason::Cancelled,
            after: self.records.after_message(),
            turn: task.and_then(|task| turn(task, reply)),
            dead_letter: outcome.dead_letter().map(str::to_owned),
        }
    }

    fn bus(&self) -> &dyn Bus {
        &*self.worker.bus
    }
}

/// What later questions of the session build on: nothing where nothing was
/// answered, since a question without a reply leads many models astray.
fn turn(task: &Task, reply: &Reply) -> Option<Bytes> {
    let turn = PastTurn {
        question_id: reply.in_reply_to.clone(),
        question: task.user_input.clone(),
        reply_id: reply.message_id.clone(),
        reply: reply.content.clone(),
    };
    (!turn.reply.is_empty()).then(|| turn.encode())
}
