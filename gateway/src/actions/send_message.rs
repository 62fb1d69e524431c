//! `sendMessage`: a person's message, to the AI or to people.

use causerie_shared::bus::question::{Accepted, Awaited, Question, RETRY_WHEN_FULL, Receipt};
use causerie_shared::ids::{MessageId, SessionId};
use causerie_shared::protocol::action::{ClientId, ConversationContext, SendMessage};
use causerie_shared::protocol::data::{FinishReason, NewMessage, Reply, ReplyMetadata, Role};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{self, SendMessageAck};
use causerie_shared::record::{Class, Header, ReplyPart, Unplaced};
use causerie_shared::room::{Room, RoomKey};
use causerie_shared::task::Task;
use causerie_shared::telemetry;
use compact_str::CompactString;
use tracing::{Instrument, Span, info_span};

use super::{Caller, bus_failed};
use crate::events;
use crate::filter::{self, Review};
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::outbox::Expected;
use crate::permission::Act;

/// A message as it was asked to be sent.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The message.
    pub message: SendMessage,
    /// The sender's own id of it: a repeat gets the first one's receipt.
    pub id: ClientId,
    /// The W3C trace context that came with it.
    pub traceparent: Option<String>,
}

/// A message that is safely stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its room.
    pub room: RoomKey,
    /// Its place there.
    pub receipt: Receipt,
}

impl Sent {
    /// The `data` of its `ack`.
    pub fn ack(&self) -> SendMessageAck {
        let receipt = self.receipt.clone();
        SendMessageAck {
            message_id: receipt.message_id,
            session_id: receipt.session,
            room: self.room.room.clone(),
            epoch: receipt.position.epoch,
            seq: receipt.position.seq,
        }
    }
}

/// Stores a message. Where a connection asks, its outbox may `ack` it before this returns.
///
/// # Errors
/// What the sender is told: `forbidden`, `conflict`, `overloaded`, `invalid_message`.
pub async fn send_message(
    gateway: &Gateway,
    caller: &Caller,
    asked: Asked,
) -> Result<Sent, ProtocolError> {
    let prepared = prepare(gateway, &caller.identity, asked)?;
    let Some(connection) = &caller.connection else {
        return store(gateway, &prepared).await;
    };
    let outbox = &connection.outbox;
    outbox.expect(Expected::of(&prepared.question));
    let sent = store(gateway, &prepared).await?;
    outbox.note_stored(&sent.room, &sent.receipt.position);
    Ok(sent)
}

/// A message that is ready to be stored.
#[derive(Debug)]
pub struct Prepared {
    /// The message.
    pub question: Question,
    /// What the tenant's word lists found in it.
    review: Option<Review>,
    /// Its part of the trace that the client began, or of a new one.
    span: Span,
}

/// Checks a message and makes it ready to be stored, ids and all: so that one
/// can begin to listen for what concerns it before it is.
///
/// # Errors
/// `forbidden`, where the tenant is another or the room may not be written to.
pub fn prepare(
    gateway: &Gateway,
    identity: &Identity,
    asked: Asked,
) -> Result<Prepared, ProtocolError> {
    let settings = gateway.settings();
    let Asked {
        mut message,
        id,
        traceparent,
    } = asked;
    if let Some(hash) = &message.tenant_hash
        && settings.tenants.get(&identity.tenant) != Some(hash)
    {
        let content = "`tenant_hash` is not that of your connection's tenant: leave it out.";
        return Err(ProtocolError::new(ErrorCode::Forbidden, content));
    }
    let room = message.room_name().resolve(&identity.user);
    identity.check(Act::Say, &room)?;
    settings.enclosures.check_metadata(&message.metadata)?;
    let filter = settings.filters.of(&identity.tenant);
    let review = filter.and_then(|filter| filter.review(&mut message));
    let key = RoomKey::new(identity.tenant.clone(), room);
    let partition = key.partition();
    let ids = Ids {
        question: MessageId::generate(partition),
        session: message
            .session_id
            .clone()
            .unwrap_or_else(SessionId::generate),
    };
    // What people say among themselves goes no further, unless a trace comes with it.
    let span = if message.ai || traceparent.is_some() {
        info_span!("question", otel.kind = "server", tenant = %key.tenant, message = %ids.question)
    } else {
        Span::none()
    };
    if let Some(traceparent) = &traceparent {
        telemetry::continue_trace(&span, traceparent);
    }
    let mut event = new_message(&key.room, &ids, identity, &message);
    event.header.trace = telemetry::sent_traceparent(&span);
    let reply = message.ai.then(|| {
        let reply = MessageId::generate(partition);
        Awaited {
            if_busy: message.if_busy,
            cancelled: cancelled(&key.room, &reply, &ids),
            message_id: reply,
            caps: settings.queue,
            task: Task {
                user_input: message.user_input,
                client_context: message
                    .conversation_context
                    .filter(|context| settings.client_context && is_used(context, &key.room))
                    .map(|mut context| {
                        settings.enclosures.shorten(&mut context);
                        if let Some(filter) = filter {
                            filter.hide_in_context(&mut context);
                        }
                        context
                    }),
                traceparent: telemetry::traceparent(&span).or(traceparent),
            }
            .encode(),
        }
    });
    let question = Question {
        room: key,
        user: identity.user.clone(),
        client_id: id,
        dedup_window: settings.dedup_window,
        session: ids.session,
        message_id: ids.question,
        event,
        reply,
    };
    Ok(Prepared {
        question,
        review,
        span,
    })
}

/// Stores a message that was made ready.
///
/// # Errors
/// `conflict`, `overloaded`, or `invalid_message` for a word that is not allowed; then
/// nothing was stored.
pub async fn store(gateway: &Gateway, prepared: &Prepared) -> Result<Sent, ProtocolError> {
    let Prepared {
        question,
        review,
        span,
    } = prepared;
    let sent = |receipt| Sent {
        room: question.room.clone(),
        receipt,
    };
    if let Some(review) = review
        && let Some(error) = &review.refusal
    {
        let receipt = filter::refused(gateway, question, review, error).await?;
        events::message_repeated();
        return Ok(sent(receipt));
    }
    let accepted = gateway.bus.accept(question).instrument(span.clone()).await;
    match accepted.map_err(|error| bus_failed(&error))? {
        Accepted::Stored(receipt) => {
            span.in_scope(|| events::message_stored(question));
            if let Some(review) = review {
                filter::tell(gateway, question, review);
            }
            Ok(sent(receipt))
        }
        Accepted::Repeat(receipt) => {
            events::message_repeated();
            Ok(sent(receipt))
        }
        Accepted::Busy => Err(ProtocolError::new(
            ErrorCode::Conflict,
            "An earlier question is still being answered: wait for its reply, or cancel it.",
        )),
        Accepted::Full { scope, limit } => Err(full(scope, limit)),
    }
}

struct Ids {
    question: MessageId,
    session: SessionId,
}

fn new_message(room: &Room, ids: &Ids, identity: &Identity, message: &SendMessage) -> Unplaced {
    let data = NewMessage {
        message_id: ids.question.clone(),
        session_id: ids.session.clone(),
        user_id: identity.user.clone(),
        role: Role::User,
        content: message.user_input.clone(),
        metadata: message.metadata.clone(),
    };
    Unplaced {
        header: header(Class::Durable, Event::NewMessage, None, ids),
        tail: frame::durable_tail(Event::NewMessage, room, &data),
    }
}

/// The `message` of a reply that is cancelled before it begins.
fn cancelled(room: &Room, reply: &MessageId, ids: &Ids) -> Unplaced {
    let data = Reply {
        message_id: reply.clone(),
        session_id: ids.session.clone(),
        in_reply_to: ids.question.clone(),
        role: Role::Assistant,
        content: String::new(),
        sources: Vec::new(),
        finish_reason: FinishReason::Cancelled,
        metadata: ReplyMetadata::default(),
    };
    let part = ReplyPart {
        message_id: reply.clone(),
        attempt: 0,
        index: -1,
    };
    Unplaced {
        header: header(Class::Final, Event::Message, Some(part), ids),
        tail: frame::durable_tail(Event::Message, room, &data),
    }
}

fn header(class: Class, event: Event, reply: Option<ReplyPart>, ids: &Ids) -> Header {
    Header {
        class,
        event: CompactString::const_new(event.name()),
        position: None,
        ts: 0,
        reply,
        in_reply_to: Some(ids.question.clone()),
        excluded: None,
        trace: None,
    }
}

/// What a client remembers of a conversation counts only where nobody else is
/// in it.
fn is_used(context: &ConversationContext, room: &Room) -> bool {
    matches!(room, Room::User(_)) && !context.messages.is_empty()
}

fn full(scope: Scope, limit: u64) -> ProtocolError {
    let retry_ms = u64::try_from(RETRY_WHEN_FULL.as_millis()).unwrap_or(u64::MAX);
    let content = format!("{limit} questions wait already: try again when some are answered.");
    ProtocolError::new(ErrorCode::Overloaded, content)
        .with_limit(scope, limit)
        .with_retry_after_ms(retry_ms)
}
