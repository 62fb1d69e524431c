//! Records, as they come from Redis.

use bytes::Bytes;
use causerie_shared::record::{Class, Record, UnreadableRecord};

use super::Reach;

/// What some input of the corpus comes to.
pub const REACHES: &[&str] = &[
    "damaged",
    "delta",
    "durable",
    "final",
    "of a reply",
    "of another version",
    "start",
    "transient",
    "with a position",
    "without somebody",
];

/// What is read is the same once it was written again.
pub fn run(input: &[u8], reach: Reach<'_>) {
    let record = match Record::decode(&Bytes::copy_from_slice(input)) {
        Ok(record) => record,
        Err(UnreadableRecord::Version(_)) => return reach("of another version"),
        Err(UnreadableRecord::Damaged(_)) => return reach("damaged"),
    };
    assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(&record));
    assert!(input.ends_with(&record.frame));
    let header = record.header;
    reach(match header.class {
        Class::Durable => "durable",
        Class::Final => "final",
        Class::Transient => "transient",
        Class::Start => "start",
        Class::Delta => "delta",
    });
    for (is_there, what) in [
        (header.position.is_some(), "with a position"),
        (header.reply.is_some(), "of a reply"),
        (header.excluded.is_some(), "without somebody"),
    ] {
        if is_there {
            reach(what);
        }
    }
}
