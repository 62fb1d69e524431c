//! Names of tenants, people, projects, sessions and messages.
//!
//! Every id is checked once, when it is made, and is cheap to clone. The
//! alphabet holds no space, colon, brace, quote or control character, so an id
//! can stand in a room name, a Redis key, a record header and a JSON string
//! without being escaped.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::room::Partition;

/// The most characters that an id may have.
pub const MAX_ID_LEN: usize = 128;

/// What is wrong with a text that should be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// It is empty, too long, or holds a character outside the alphabet.
    #[error("an id is 1–128 of A-Z a-z 0-9 . _ ~ -")]
    Alphabet,
    /// It is `me`, which every room name reserves for the caller.
    #[error("`me` stands for the caller and cannot be a user id")]
    Reserved,
    /// It is a message id without its leading partition.
    #[error("a message id begins with its partition, two hex digits below 80 and `-`")]
    Partition,
    /// It is the id of no API key.
    #[error("an API key's id is twelve lower-case hex digits, the first two below 80")]
    Key,
}

/// The characters of a [`KeyId`].
const KEY_ID_LEN: usize = 12;

/// The hex digits of a [`RunId`].
const RUN_ID_LEN: usize = 12;

/// The hex digits that follow it, and a `-`, in a [`ConnectionId`].
const OWN_LEN: usize = 16;

fn check_alphabet(text: &str) -> Result<(), InvalidId> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    if (1..=MAX_ID_LEN).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(InvalidId::Alphabet)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
        #[ts(as = "String")]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9._~-]{1,128}$"))]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes an id of it.
            ///
            /// # Errors
            /// [`InvalidId`] says what is allowed.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                let text = text.as_ref();
                check_alphabet(text)?;
                let check: fn(&str) -> Result<(), InvalidId> = $check;
                check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
    };
}

id!(
    /// A customer of the installation: internal, and in tokens.
    TenantId,
    |_| Ok(())
);
id!(
    /// A tenant's public name, in widgets.
    TenantHash,
    |_| Ok(())
);
id!(
    /// A person within a tenant. Visitors' ids begin with [`UserId::VISITOR_PREFIX`].
    UserId,
    |text| if text == "me" { Err(InvalidId::Reserved) } else { Ok(()) }
);
id!(
    /// A project within a tenant.
    ProjectId,
    |_| Ok(())
);
id!(
    /// One conversation thread with the AI, within its room.
    SessionId,
    |_| Ok(())
);
id!(
    /// One socket or stream of a client.
    ConnectionId,
    |_| Ok(())
);
id!(
    /// A question or a reply. It begins with its room's partition, so that it
    /// can be found without naming the room.
    MessageId,
    |text| partition_of(text).map(|_| ())
);

id!(
    /// The public part of an API key: twelve lower-case hex digits, the first two of
    /// them the partition in which its tenant's keys are kept.
    KeyId,
    |text| {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let partition = text.get(..2).and_then(Partition::parse);
        match partition {
            Some(_) if text.len() == KEY_ID_LEN && text.bytes().all(is_hex) => Ok(()),
            Some(_) | None => Err(InvalidId::Key),
        }
    }
);

impl UserId {
    /// What every visitor's id begins with, and no other user's.
    pub const VISITOR_PREFIX: &str = "v~";

    /// A new visitor's id.
    pub fn new_visitor() -> Self {
        Self(format!("{}{}", Self::VISITOR_PREFIX, uuid::Uuid::new_v4().simple()).into())
    }

    /// Whether this is a visitor.
    pub fn is_visitor(&self) -> bool {
        self.0.starts_with(Self::VISITOR_PREFIX)
    }
}

impl SessionId {
    /// A new session's id, for a client that names none.
    pub fn generate() -> Self {
        Self(next_in_time().simple().to_string().into())
    }
}

/// One run of a gateway, from its start to its end; or a shorter time, under whose name it
/// tells who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(u64);

impl RunId {
    /// A new run's id.
    pub fn generate() -> Self {
        Self(rand::random::<u64>() & 0xffff_ffff_ffff)
    }
}

impl std::str::FromStr for RunId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// Twelve hex digits.
impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl ConnectionId {
    /// A new connection's id. It begins with the `run` of the gateway that has the
    /// connection, so that this one alone need look for it.
    pub fn generate(run: RunId) -> Self {
        Self(format!("{run}-{:016x}", rand::random::<u64>()).into())
    }

    /// The run of the gateway that made it; `None` where none did.
    pub fn run(&self) -> Option<RunId> {
        let (run, own) = self.0.split_once('-')?;
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let are_hex = run.bytes().chain(own.bytes()).all(is_hex);
        let is_whole = run.len() == RUN_ID_LEN && own.len() == OWN_LEN && are_hex;
        is_whole.then(|| run.parse().ok()).flatten()
    }
}

impl MessageId {
    /// A new message's id in `partition`; ids of one partition sort by time, and those that
    /// one process makes by the order in which it makes them.
    pub fn generate(partition: Partition) -> Self {
        let mut id = String::with_capacity(36);
        let mut name = uuid::Uuid::encode_buffer();
        let _ = write!(id, "{partition}-");
        id.push_str(next_in_time().simple().encode_lower(&mut name));
        Self(id.into())
    }

    /// The partition of the message's room.
    pub fn partition(&self) -> Partition {
        // Checked by `new`; an id can be made in no other way.
        partition_of(&self.0).unwrap_or(Partition::FIRST)
    }
}

impl KeyId {
    /// A new key's id in `partition`.
    pub fn generate(partition: Partition) -> Self {
        let digits = rand::random::<u64>() & 0xff_ffff_ffff;
        Self(format!("{partition}{digits:010x}").into())
    }

    /// Where the key is kept.
    pub fn partition(&self) -> Partition {
        // Checked by `new`; an id can be made in no other way.
        let digits = self.0.get(..2);
        digits
            .and_then(Partition::parse)
            .unwrap_or(Partition::FIRST)
    }
}

/// How many bits of a UUID of version 7 count those of one millisecond.
const COUNTER_BITS: u32 = 12;

/// A UUID of version 7 (RFC 9562, 6.2, method 1), which sorts behind all that this process has
/// made. What is random in it comes from a generator of the thread: whoever is in the room
/// sees the id, so it is no secret, and the system takes 0.3 µs for each that it is asked for.
fn next_in_time() -> uuid::Uuid {
    // Milliseconds since 1970, and the counter: where that is full it goes on in the next one.
    static LAST: AtomicU64 = AtomicU64::new(0);
    let since_1970 = UNIX_EPOCH.elapsed().unwrap_or_default();
    let now = u64::try_from(since_1970.as_millis()).unwrap_or_default() << COUNTER_BITS;
    let next = |last: u64| now.max(last + 1);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(next(last))
    });
    let next = last.map_or_else(next, next);
    let counter = (next & ((1 << COUNTER_BITS) - 1)) as u16;
    let mut rest: [u8; 10] = rand::random();
    let [high, low, ..] = &mut rest;
    [*high, *low] = counter.to_be_bytes();
    uuid::Builder::from_unix_timestamp_millis(next >> COUNTER_BITS, &rest).into_uuid()
}

fn partition_of(text: &str) -> Result<Partition, InvalidId> {
    let (digits, _) = text.split_once('-').ok_or(InvalidId::Partition)?;
    Partition::parse(digits).ok_or(InvalidId::Partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_to_their_alphabet() {
        for good in ["a", "A-z.0_9~x", &"x".repeat(128)] {
            assert!(UserId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a:b", "ä", "a\n", "{x}", &"x".repeat(129)] {
            assert_eq!(UserId::new(bad), Err(InvalidId::Alphabet), "{bad}");
        }
        assert_eq!(UserId::new("me"), Err(InvalidId::Reserved));
        assert!(ProjectId::new("me").is_ok());
    }

    #[test]
    fn a_message_id_names_its_partition() {
        let partition = Partition::parse("1f").unwrap();
        let id = MessageId::generate(partition);
        assert_eq!(id.partition(), partition);
        assert!(id.as_str().starts_with("1f-"));
        for bad in ["xx-1", "80-1", "1F-1", "1f", "1f1-2"] {
            assert_eq!(MessageId::new(bad), Err(InvalidId::Partition), "{bad}");
        }
    }

    /// Also where more are made than a millisecond has numbers for.
    #[test]
    fn message_ids_sort_by_the_order_in_which_they_are_made() {
        let make = || (0..20_000).map(|_| MessageId::generate(Partition::FIRST));
        let made: Vec<_> = make().collect();
        assert!(made.is_sorted_by(|one, next| one < next));
        let threads = [(); 4].map(|()| std::thread::spawn(move || make().collect::<Vec<_>>()));
        let mut all: Vec<_> = threads
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        let of = |id: &MessageId| {
            id.as_str()
                .strip_prefix("00-")
                .unwrap()
                .parse::<uuid::Uuid>()
        };
        assert_eq!(of(&made[0]).unwrap().get_version_num(), 7);
    }

    #[test]
    fn a_connections_id_tells_whose_it_is() {
        let run = RunId(0x1f);
        let id = ConnectionId::generate(run);
        assert!(id.as_str().starts_with("00000000001f-"), "{id}");
        assert_eq!(id.run(), Some(run));
        for made_up in [
            "c1",
            "00000000001f",
            "00000000001f-",
            "1f-0123456789abcdef",
            "00000000001F-0123456789abcdef",
            "00000000001f-0123456789abcdefa",
        ] {
            assert_eq!(ConnectionId::new(made_up).unwrap().run(), None, "{made_up}");
        }
    }

    #[test]
    fn a_key_id_names_its_partition() {
        let partition = Partition::parse("1f").unwrap();
        let id = KeyId::generate(partition);
        assert_eq!(id.partition(), partition);
        assert_eq!(KeyId::new(id.as_str()), Ok(id));
        for bad in [
            "1f",
            "801122334455",
            "1F1122334455",
            "1f11223344556",
            "1f_122334455",
        ] {
            assert_eq!(KeyId::new(bad), Err(InvalidId::Key), "{bad}");
        }
    }

    #[test]
    fn json_refuses_what_new_refuses() {
        assert!(serde_json::from_str::<UserId>("\"u 1\"").is_err());
        assert_eq!(
            serde_json::from_str::<UserId>("\"u1\"").unwrap().as_str(),
            "u1"
        );
    }
}
