//! `fixtures/records`: one of each class, as it travels on the bus. Nodes of
//! two versions run side by side, so these change only with the version.

use bytes::Bytes;
use causerie_shared::protocol::data::FinishReason;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use serde::Serialize;

use crate::server_frames::{delta, message, new_message, start, typing};
use crate::{file, sample};

fn header(class: Class, event: Event) -> Header {
    Header {
        class,
        event: event.name().into(),
        position: None,
        ts: sample::TS,
        reply: None,
        in_reply_to: Some(sample::question()),
        excluded: None,
        trace: None,
    }
}

fn part(attempt: u32, index: i64) -> Option<ReplyPart> {
    Some(ReplyPart {
        message_id: sample::reply(),
        attempt,
        index,
    })
}

/// A record of the log, with its place there.
fn placed(header: Header, event: Event, seq: u64, data: &impl Serialize) -> Record {
    let tail = frame::durable_tail(event, &sample::room(), data);
    Unplaced { header, tail }.place(sample::position(seq), sample::TS)
}

fn records() -> Vec<(&'static str, Record)> {
    let durable = header(Class::Durable, Event::NewMessage);
    let last = Header {
        reply: part(1, -1),
        ..header(Class::Final, Event::Message)
    };
    let transient = Header {
        in_reply_to: None,
        excluded: Some(sample::user()),
        trace: None,
        ..header(Class::Transient, Event::TypingIndicator)
    };
    let begin = Header {
        reply: part(1, -1),
        ..header(Class::Start, Event::AiProcessingStart)
    };
    let piece = Header {
        reply: part(1, 0),
        ..header(Class::Delta, Event::MessageDelta)
    };
    let with = |header, frame| Record { header, frame };
    let whole = message(FinishReason::Stop);
    vec![
        (
            "durable",
            placed(durable, Event::NewMessage, 42, &new_message()),
        ),
        ("final", placed(last, Event::Message, 43, &whole)),
        ("transient", with(transient, typing("u1", true))),
        ("start", with(begin, start())),
        ("delta", with(piece, delta("Grüße\n\"zu"))),
    ]
}

#[test]
fn golden_records_are_current() {
    let files: Vec<_> = records()
        .into_iter()
        .map(|(name, record)| (name, file::line(&record.encode())))
        .collect();
    file::check("fixtures/records", &files);
}

#[test]
fn golden_records_are_read_back() {
    for (name, record) in records() {
        assert_eq!(record.header.class.as_str(), name);
        assert_eq!(Record::decode(&record.encode()), Ok(record));
    }
}

#[test]
fn fields_of_a_later_version_are_passed_over() {
    for (name, record) in records() {
        let line = record.header.to_line();
        let later = [line.trim_end(), " more of_it\n"].concat();
        let bytes = [later.as_bytes(), &record.frame].concat();
        assert_eq!(Record::decode(&Bytes::from(bytes)), Ok(record), "{name}");
    }
}
