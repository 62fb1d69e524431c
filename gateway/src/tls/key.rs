//! A private key, encrypted or not.

use causerie_shared::config::Secret;
use pkcs8::der::ErrorKind;
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument, pkcs5};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::ExposeSecret;

use super::error::why_no_pem;

const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// Stands in keys that were encrypted as OpenSSL did before PKCS#8 (RFC 1421).
const ENCRYPTED_OF_OLD: &str = "Proc-Type: 4,ENCRYPTED";

/// Why a key cannot be used.
#[derive(Debug)]
pub(super) enum BadKey {
    /// There is none.
    Missing,
    /// What is there is no key.
    Damaged(String),
    /// It is encrypted, and there is no passphrase.
    NoPassphrase,
    /// The passphrase does not open it.
    WrongPassphrase,
    /// It is encrypted in a way that is not taken.
    Encryption,
}

/// The first private key in `pem`, and whether it was encrypted.
pub(super) fn read(
    pem: &[u8],
    passphrase: Option<&Secret>,
) -> Result<(PrivateKeyDer<'static>, bool), BadKey> {
    let text = String::from_utf8_lossy(pem);
    if text.contains(ENCRYPTED_OF_OLD) {
        return Err(BadKey::Encryption);
    }
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok((key, false)),
        Err(PemError::NoItemsFound) => {
            let block = encrypted_block(&text).ok_or(BadKey::Missing)?;
            let key = decrypt(block, passphrase.ok_or(BadKey::NoPassphrase)?)?;
            Ok((key, true))
        }
        Err(error) => Err(BadKey::Damaged(why_no_pem(&error))),
    }
}

fn encrypted_block(text: &str) -> Option<&str> {
    let begin = text.find(ENCRYPTED_BEGIN)?;
    let block = text.get(begin..)?;
    let end = block.find(ENCRYPTED_END)? + ENCRYPTED_END.len();
    block.get(..end)
}

/// Opens a key as of RFC 5958, section 3.
fn decrypt(block: &str, passphrase: &Secret) -> Result<PrivateKeyDer<'static>, BadKey> {
    let document = SecretDocument::from_pem(block);
    let (_, document) = document.map_err(|error| BadKey::Damaged(error.to_string()))?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes());
    let encrypted = encrypted.map_err(|error| why_not_read(&error))?;
    let opened = encrypted.decrypt(passphrase.expose_secret());
    let key = opened.map_err(|error| why_not_opened(&error))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn why_not_read(error: &pkcs8::Error) -> BadKey {
    let is_unknown = |error: &pkcs8::der::Error| {
        matches!(
            error.kind(),
            ErrorKind::OidUnknown { .. } | ErrorKind::OidMalformed
        )
    };
    if matches!(error, pkcs8::Error::Asn1(error) if is_unknown(error)) {
        return BadKey::Encryption;
    }
    BadKey::Damaged(error.to_string())
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "not exhaustive by its authors' will"
)]
fn why_not_opened(error: &pkcs8::Error) -> BadKey {
    match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. },
        ) => BadKey::Encryption,
        // What a wrong passphrase makes of it is no padding, or no key.
        _ => BadKey::WrongPassphrase,
    }
}
