//! `client/core/src/protocol/generated`: the types of what clients send and are
//! sent, for TypeScript.

use causerie_shared::ids::{
    ConnectionId, MessageId, ProjectId, SessionId, TenantHash, TenantId, UserId,
};
use causerie_shared::position::Epoch;
use causerie_shared::protocol::action::{
    Authenticate, Cancel, ContextMessage, ContextRole, ConversationContext, Delete, IfBusy, Read,
    SendMessage, SetStatus, Subscribe, Typing, Unsubscribe,
};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::data::{
    AiProcessingEnd, AiProcessingError, AiProcessingStart, Filtered, FinishReason, MessageDeleted,
    MessageDelta, MessageRead, MessageRestart, MessageSnapshot, NewMessage, Reply, ReplyMetadata,
    Role, Status, TypingIndicator, UserJoined, UserLeft, UserStatusChanged, WarningIssued,
    WarningReason,
};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{
    CancelAck, DeleteAck, EmptyAck, Ready, RoomAck, SendMessageAck, Subscribed,
};
use causerie_shared::protocol::{MAX_CLIENT_ID_CHARS, MAX_USER_INPUT, SUBPROTOCOL};
use causerie_shared::room::{Room, RoomName};
use ts_rs::{Config, TS};

use crate::file;

const HEAD: &str = "// Generated from the Rust types in shared/src/protocol. To write it again:\n\
                    // WRITE_DOCS=1 cargo test -p causerie-shared --test generated\n";

/// Collects declarations.
struct Declarations {
    config: Config,
    text: String,
}

impl Declarations {
    fn new() -> Self {
        Self {
            // JSON knows one kind of number, and no count of ours needs more of it.
            config: Config::new().with_large_int("number"),
            text: HEAD.to_owned(),
        }
    }

    fn of<T: TS>(&mut self) -> &mut Self {
        let docs = T::docs().unwrap_or_default();
        let declaration = T::decl(&self.config);
        self.text += &format!("\n{docs}export {declaration}\n");
        self
    }
}

fn types() -> String {
    let mut all = Declarations::new();
    all.of::<TenantId>()
        .of::<TenantHash>()
        .of::<UserId>()
        .of::<ProjectId>()
        .of::<SessionId>()
        .of::<ConnectionId>()
        .of::<MessageId>()
        .of::<Room>()
        .of::<RoomName>()
        .of::<Epoch>()
        .of::<SendMessage>()
        .of::<IfBusy>()
        .of::<ConversationContext>()
        .of::<ContextMessage>()
        .of::<ContextRole>()
        .of::<Typing>()
        .of::<Cancel>()
        .of::<Subscribe>()
        .of::<Unsubscribe>()
        .of::<Read>()
        .of::<Delete>()
        .of::<SetStatus>()
        .of::<Status>()
        .of::<Authenticate>()
        .of::<Ready>()
        .of::<Subscribed>()
        .of::<SendMessageAck>()
        .of::<CancelAck>()
        .of::<DeleteAck>()
        .of::<RoomAck>()
        .of::<EmptyAck>()
        .of::<ProtocolError>()
        .of::<ErrorCode>()
        .of::<Scope>()
        .of::<NewMessage>()
        .of::<Role>()
        .of::<Reply>()
        .of::<ReplyMetadata>()
        .of::<FinishReason>()
        .of::<MessageDelta>()
        .of::<MessageSnapshot>()
        .of::<MessageRestart>()
        .of::<MessageDeleted>()
        .of::<MessageRead>()
        .of::<TypingIndicator>()
        .of::<UserJoined>()
        .of::<UserLeft>()
        .of::<UserStatusChanged>()
        .of::<WarningIssued>()
        .of::<WarningReason>()
        .of::<Filtered>()
        .of::<AiProcessingStart>()
        .of::<AiProcessingEnd>()
        .of::<AiProcessingError>();
    all.text
}

/// What both sides must know by its value.
fn constants() -> String {
    let mut text = HEAD.to_owned();
    text += &format!(
        "\n/** The WebSocket subprotocol. */\nexport const SUBPROTOCOL = '{SUBPROTOCOL}';\n"
    );
    text += &format!(
        "/** The most bytes of UTF-8 that a message may have. */\nexport const MAX_USER_INPUT = {MAX_USER_INPUT};\n"
    );
    text += &format!(
        "/** The most characters that an `id` may have. */\nexport const MAX_CLIENT_ID_CHARS = {MAX_CLIENT_ID_CHARS};\n"
    );
    for (name, code) in [
        ("DRAINING", CloseCode::Draining),
        ("OVERLOADED", CloseCode::Overloaded),
        ("UNAUTHORIZED", CloseCode::Unauthorized),
        ("IDLE", CloseCode::Idle),
    ] {
        text += &format!(
            "/** Close code: {}. */\nexport const {name} = {};\n",
            code.reason(),
            code.code()
        );
    }
    let durable = Event::ALL.iter().filter(|event| event.is_durable());
    let durable: Vec<_> = durable.map(|event| format!("'{}'", event.name())).collect();
    text += &format!(
        "/** Events that a room's log keeps. */\nexport type DurableEvent = {};\n",
        durable.join(" | ")
    );
    let transient = Event::ALL.iter().filter(|event| !event.is_durable());
    let transient: Vec<_> = transient
        .map(|event| format!("'{}'", event.name()))
        .collect();
    text += &format!(
        "/** All other names that are reserved. */\nexport type TransientEvent = {};\n",
        transient.join(" | ")
    );
    text
}

#[test]
fn typescript_is_current() {
    let files = [
        ("types.ts", types().into_bytes()),
        ("constants.ts", constants().into_bytes()),
    ];
    file::check("client/core/src/protocol/generated", &files);
}
