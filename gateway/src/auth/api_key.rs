//! The text of an API key, and the hash by which it is known.

use aws_lc_rs::hmac;
use causerie_shared::api_key::{KEY_PREFIX, KeyHash, SecretName};
use causerie_shared::config::Secret;
use causerie_shared::ids::KeyId;
use secrecy::ExposeSecret;

/// Hex digits of a key's secret part, 256 bits.
const SECRET_DIGITS: usize = 64;

/// Under which keys are hashed: HMAC with SHA-256 over a key's whole text. So nobody
/// who reads what is stored can make a key, nor try out guesses.
#[derive(Clone)]
pub struct KeySecret(hmac::Key);

impl KeySecret {
    /// The secret that is configured.
    pub fn new(secret: &Secret) -> Self {
        let secret = secret.expose_secret().as_bytes();
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// What tells it from other secrets: no key has this text.
    pub fn name(&self) -> SecretName {
        let tag = hmac::sign(&self.0, b"the name of this secret");
        let mut bytes = [0; 4];
        bytes
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        SecretName(u32::from_be_bytes(bytes))
    }

    /// By what the key `text` is known.
    pub fn hash(&self, text: &str) -> KeyHash {
        KeyHash::new(hmac::sign(&self.0, text.as_bytes()).as_ref())
            .unwrap_or_else(|| unreachable!("SHA-256 has 32 bytes"))
    }

    /// Whether `hash` is that of the key `text`, found out in constant time.
    pub(super) fn fits(&self, text: &str, hash: &KeyHash) -> bool {
        hmac::verify(&self.0, text.as_bytes(), hash.as_bytes()).is_ok()
    }
}

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySecret")
    }
}

/// The text of a new key.
pub fn new_key(id: &KeyId) -> String {
    let secret = Secret::generate();
    format!("{KEY_PREFIX}{id}_{}", secret.expose_secret())
}

/// The id in a key's text; `None` where that is none.
pub(super) fn id_of(text: &str) -> Option<KeyId> {
    let (id, secret) = text.strip_prefix(KEY_PREFIX)?.split_once('_')?;
    let is_whole = secret.len() == SECRET_DIGITS && secret.bytes().all(|b| b.is_ascii_hexdigit());
    KeyId::new(id).ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_whole_text_and_the_secret() {
        let id = KeyId::new("16a1b2c3d4e5").unwrap();
        let key = new_key(&id);
        assert_eq!(id_of(&key), Some(id.clone()));
        assert_ne!(new_key(&id), key);
        let secret = KeySecret::new(&Secret::new("one"));
        let hash = secret.hash(&key);
        assert!(secret.fits(&key, &hash));
        assert_eq!(secret.name(), KeySecret::new(&Secret::new("one")).name());
        assert_ne!(
            secret.name(),
            KeySecret::new(&Secret::new("another")).name()
        );
        assert!(!KeySecret::new(&Secret::new("another")).fits(&key, &hash));
        assert!(!secret.fits(&key.replacen("16a1", "16a2", 1), &hash));
        for bad in [
            &key[..key.len() - 1],
            &key.replacen("ck_", "sk_", 1),
            &key.replacen("16", "96", 1),
            "ck_16a1b2c3d4e5",
            "ck_",
        ] {
            assert_eq!(id_of(bad), None, "{bad}");
        }
    }
}
