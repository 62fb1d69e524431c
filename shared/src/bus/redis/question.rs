//! Accepting what people say.

use super::{RedisBus, millis, names, nothing};
use fred::bytes_utils::Str;
use fred::clients::Client;
use fred::interfaces::PubsubInterface;

use super::answer::Answer;
use super::args::Args;
use super::script::RECEIPT;
use crate::bus::BusError;
use crate::bus::question::{Accepted, Awaited, Question, Receipt};
use crate::position::{Epoch, Position};
use crate::protocol::action::IfBusy;
use crate::protocol::error::Scope;
use crate::record::Record;
use crate::room::RoomKey;

impl RedisBus {
    pub(super) async fn accept_question(&self, question: &Question) -> Result<Accepted, BusError> {
        let args = Args::default()
            .shown(&question.room)
            .text(question.user.as_str())
            .text(question.client_id.as_str())
            .number(millis(question.dedup_window))
            .text(question.session.as_str())
            .text(question.message_id.as_str())
            .event(&question.event);
        let args = match &question.reply {
            Some(awaited) => with_awaited(args, awaited),
            None => args.text(""),
        };
        let answer = self.accepting.ask(question.room.partition(), args).await?;
        let mut answer = answer.ok_or_else(|| nothing("accept"))?;
        match answer.text()?.as_str() {
            "stored" => receipt(&mut answer).map(Accepted::Stored),
            "repeat" => receipt(&mut answer).map(Accepted::Repeat),
            "busy" => Ok(Accepted::Busy),
            "full" => Ok(Accepted::Full {
                scope: scope(&mut answer)?,
                limit: answer.parsed()?,
            }),
            other => Err(answer.unreadable(other)),
        }
    }

    /// The receipt of a question that was accepted before.
    pub(super) async fn receipt_of(
        &self,
        question: &Question,
    ) -> Result<Option<Receipt>, BusError> {
        let args = Args::default()
            .shown(&question.room)
            .text(question.user.as_str())
            .text(question.client_id.as_str());
        let partition = question.room.partition();
        let answer = self.pool.run(partition, &RECEIPT, args).await?;
        let receipt = answer.map(|mut answer| receipt(&mut answer));
        receipt.transpose()
    }

    /// Publishes what is not kept.
    pub(super) async fn publish_record(
        &self,
        room: &RoomKey,
        record: &Record,
    ) -> Result<(), BusError> {
        let channel = Str::from(names::room_channel(room));
        let bytes = record.encode();
        let publish = |client: Client| {
            let (channel, bytes) = (channel.clone(), bytes.clone());
            Box::pin(async move { client.spublish(channel, bytes).await })
        };
        self.pool.ask("publish", room.partition(), publish).await
    }
}

fn with_awaited(args: Args, awaited: &Awaited) -> Args {
    let if_busy = match awaited.if_busy {
        IfBusy::Queue => "queue",
        IfBusy::Reject => "reject",
        IfBusy::Interrupt => "interrupt",
    };
    args.text(awaited.message_id.as_str())
        .text(if_busy)
        .bytes(&awaited.task)
        .event(&awaited.cancelled)
        .number(awaited.caps.session)
        .number(awaited.caps.user)
        .number(awaited.caps.tenant)
}

/// `message_id session reply epoch seq`, as the script keeps it.
fn receipt(answer: &mut Answer) -> Result<Receipt, BusError> {
    let line = answer.text()?;
    let parse = || {
        let mut words = line.split(' ');
        Some(Receipt {
            message_id: words.next()?.parse().ok()?,
            session: words.next()?.parse().ok()?,
            reply: match words.next()? {
                "-" => None,
                id => Some(id.parse().ok()?),
            },
            position: Position {
                epoch: words.next()?.parse::<Epoch>().ok()?,
                seq: words.next()?.parse().ok()?,
            },
        })
    };
    parse().ok_or_else(|| answer.unreadable(&line))
}

fn scope(answer: &mut Answer) -> Result<Scope, BusError> {
    match answer.text()?.as_str() {
        "user" => Ok(Scope::User),
        "tenant" => Ok(Scope::Tenant),
        other => Err(answer.unreadable(other)),
    }
}
