//! API keys, by which a tenant's own servers are known.
//!
//! A key is `ck_{id}_{secret}`. Only its owner has that text; what is stored of it
//! is its [`KeyCard`], with a keyed hash in place of the secret.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::ids::{KeyId, TenantId};
use crate::room::{Partition, Room, RoomKey};

/// What the text of every key begins with.
pub const KEY_PREFIX: &str = "ck_";

/// The most characters of a key's name.
pub const MAX_KEY_NAME: usize = 64;

/// What a key lets its owner do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyScope {
    /// Publish events to every room of the tenant.
    Publish,
    /// Read every room of the tenant.
    Read,
    /// All of that, and rule over the tenant's users and connections.
    Admin,
}

impl KeyScope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Publish, Self::Read, Self::Admin];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// The scope of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// The keyed hash of a key: 32 bytes, written as hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of these bytes; `None` where they are not 32.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes. To be compared in constant time.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Not to be shown where it is not asked for.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyHash {
    type Err = BadKeyCard;
    fn from_str(text: &str) -> Result<Self, BadKeyCard> {
        let digit = |at: usize| {
            let digits = text.get(2 * at..2 * at + 2)?;
            u8::from_str_radix(digits, 16).ok()
        };
        let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes: Option<Vec<u8>> = (0..32).map(digit).collect();
        bytes
            .filter(|_| is_hex)
            .and_then(|bytes| Self::new(&bytes))
            .ok_or(BadKeyCard)
    }
}

/// Tells one secret, under which keys are hashed, from another, and nothing else of it: 32
/// bits of a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretName(pub u32);

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for SecretName {
    type Err = BadKeyCard;
    fn from_str(text: &str) -> Result<Self, BadKeyCard> {
        let number = u32::from_str_radix(text, 16).map_err(|_| BadKeyCard)?;
        let name = Self(number);
        // One way to write each.
        (name.to_string() == text).then_some(name).ok_or(BadKeyCard)
    }
}

/// What is known of a key. It is written as one line, in the configuration too:
///
/// ```text
/// ck_16a1b2c3d4e5 scopes=publish,read hash=… until=1798761600 name=The shop
/// ```
///
/// `until`, in seconds since 1970, is left out where the key does not expire. `by` names the
/// secret under which it was hashed; cards of before have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCard {
    /// The key's public part.
    pub id: KeyId,
    /// What it lets its owner do.
    pub scopes: BTreeSet<KeyScope>,
    /// By what the whole key is known.
    pub hash: KeyHash,
    /// Which secret it was hashed under.
    pub by: Option<SecretName>,
    /// When it ends, in seconds since 1970.
    pub until: Option<u64>,
    /// What people call it: see [`is_key_name`].
    pub name: String,
}

/// A line that is no [`KeyCard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API key is `ck_ID scopes=… hash=… name=…`, as `keys create` prints it")]
pub struct BadKeyCard;

/// Whether `name` may name a key: 1 to 64 characters, on one line.
pub fn is_key_name(name: &str) -> bool {
    (1..=MAX_KEY_NAME).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && name.trim() == name
}

impl fmt::Display for KeyCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<&str> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        let scopes = scopes.join(",");
        write!(
            f,
            "{KEY_PREFIX}{} scopes={scopes} hash={}",
            self.id, self.hash
        )?;
        if let Some(by) = self.by {
            write!(f, " by={by}")?;
        }
        if let Some(until) = self.until {
            write!(f, " until={until}")?;
        }
        write!(f, " name={}", self.name)
    }
}

impl FromStr for KeyCard {
    type Err = BadKeyCard;

    /// A word that is not known is not passed over: it might take something away
    /// from what the key may.
    fn from_str(line: &str) -> Result<Self, BadKeyCard> {
        let (words, name) = line.split_once(" name=").ok_or(BadKeyCard)?;
        let mut words = words.split_ascii_whitespace();
        let id = words.next().and_then(|word| word.strip_prefix(KEY_PREFIX));
        let id = id.and_then(|id| KeyId::new(id).ok()).ok_or(BadKeyCard)?;
        let (mut scopes, mut hash, mut by, mut until) = (None, None, None, None);
        for word in words {
            match word.split_once('=') {
                Some(("scopes", names)) => scopes = Some(read_scopes(names)?),
                Some(("hash", digits)) => hash = Some(digits.parse()?),
                Some(("by", name)) => by = Some(name.parse()?),
                Some(("until", end)) => until = Some(end.parse().map_err(|_| BadKeyCard)?),
                Some(_) | None => return Err(BadKeyCard),
            }
        }
        if !is_key_name(name) {
            return Err(BadKeyCard);
        }
        Ok(Self {
            id,
            scopes: scopes.ok_or(BadKeyCard)?,
            hash: hash.ok_or(BadKeyCard)?,
            by,
            until,
            name: name.to_owned(),
        })
    }
}

fn read_scopes(names: &str) -> Result<BTreeSet<KeyScope>, BadKeyCard> {
    let scopes = names.split(',').map(KeyScope::named);
    scopes.collect::<Option<_>>().ok_or(BadKeyCard)
}

/// A key as the bus keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// When it was made, by the bus's clock, in milliseconds since 1970.
    pub created_ms: u64,
    /// What is known of it.
    pub card: KeyCard,
}

/// Where the keys of `tenant` are kept: their ids begin with it.
pub fn partition_of_keys(tenant: &TenantId) -> Partition {
    RoomKey::new(tenant.clone(), Room::Tenant).partition()
}

/// A key that is kept, and when it was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key.
    pub key: ApiKey,
    /// About when it was last used, by the bus's clock, in milliseconds since 1970.
    pub used_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> KeyCard {
        KeyCard {
            id: KeyId::new("16a1b2c3d4e5").unwrap(),
            scopes: [KeyScope::Read, KeyScope::Publish].into(),
            hash: KeyHash::new(&[0xab; 32]).unwrap(),
            by: Some(SecretName(0xab_cdef)),
            until: Some(1_798_761_600),
            name: "The shop = ours".into(),
        }
    }

    #[test]
    fn a_card_reads_as_it_is_written() {
        let line = card().to_string();
        let begin = "ck_16a1b2c3d4e5 scopes=publish,read hash=ababab";
        assert!(line.starts_with(begin), "{line}");
        assert_eq!(line.parse(), Ok(card()));
        assert!(line.contains(" by=00abcdef "), "{line}");
        let endless = KeyCard {
            by: None,
            until: None,
            ..card()
        };
        assert_eq!(endless.to_string().parse(), Ok(endless));
    }

    #[test]
    fn what_is_no_card_is_refused() {
        let good = card().to_string();
        for (from, to) in [
            ("ck_16", "ck_96"),
            ("ck_16a1", "ck_16A1"),
            ("ck_", ""),
            ("read", "write"),
            ("scopes=publish,read ", ""),
            ("hash=ab", "hash=+b"),
            ("hash=ab", "hash="),
            ("until=1798761600", "until=soon"),
            ("until=", "only="),
            (" name=The shop = ours", ""),
            ("The shop = ours", ""),
            ("The shop", "The\nshop"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert_eq!(bad.parse::<KeyCard>(), Err(BadKeyCard), "{bad}");
        }
    }
}
