//! Certificate, key and authorities, read from their files.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use causerie_shared::config::{self, TlsVersion};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::error::{BadTls, why_no_pem};
use super::key::{self, BadKey};
use super::validity::Validity;

const CERT_FILE: &str = "tls.cert_file";
const KEY_FILE: &str = "tls.key_file";
const CLIENT_CA_FILE: &str = "tls.client_ca_file";

/// The one protocol that is spoken within TLS (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// What connections begin with.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) config: Arc<ServerConfig>,
    /// Of the certificate; `None` where it does not tell.
    pub(super) validity: Option<Validity>,
    /// What an operator should know, one sentence each.
    pub(super) warnings: Vec<String>,
}

impl Material {
    /// Reads the files that `settings` name, and tries whether they fit together.
    ///
    /// # Errors
    /// [`BadTls`] says which does not, and why.
    pub(super) fn read(
        cert_file: &Path,
        key_file: &Path,
        settings: &config::Tls,
    ) -> Result<Self, BadTls> {
        let chain = certificates(CERT_FILE, cert_file)?;
        let (key, was_encrypted) = private_key(key_file, settings)?;
        let validity = chain.first().and_then(|first| Validity::of(first).ok());
        let mut warnings = Vec::from_iter(what_is_wrong_with(validity, cert_file));
        if settings.key_passphrase.is_some() && !was_encrypted {
            warnings.push(format!(
                "tls.key_passphrase is set, but the key in `{}` (tls.key_file) is not encrypted",
                key_file.display()
            ));
        }
        let provider = Arc::new(default_provider());
        let certified = certified(&provider, chain, key, cert_file, key_file)?;
        let config = config(&provider, certified, settings)?;
        Ok(Self {
            config: Arc::new(config),
            validity,
            warnings,
        })
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    certified: CertifiedKey,
    settings: &config::Tls,
) -> Result<ServerConfig, BadTls> {
    let versions: &[&SupportedProtocolVersion] = match settings.min_version {
        TlsVersion::V13 => &[&TLS13],
        TlsVersion::V12 => &[&TLS13, &TLS12],
    };
    let unusable = |error: Error| BadTls::Damaged {
        key: CERT_FILE,
        path: settings.cert_file.clone().unwrap_or_default(),
        what: "certificate",
        reason: error.to_string(),
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(unusable)?;
    let builder = match &settings.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities(file)?, provider.clone());
            let verifier = verifier
                .build()
                .map_err(|error| damaged(CLIENT_CA_FILE, file, "certificate", &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let mut config = builder.with_cert_resolver(resolver);
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    // Who comes back is spared the signature, of which a node can make few: without
    // memory here, and so for however many.
    config.ticketer = Ticketer::new().map_err(unusable)?;
    // One for the one connection that a client makes when it has lost this one.
    config.send_tls13_tickets = 1;
    Ok(config)
}

fn certified(
    provider: &CryptoProvider,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    cert_file: &Path,
    key_file: &Path,
) -> Result<CertifiedKey, BadTls> {
    let signing = provider.key_provider.load_private_key(key);
    let signing = signing.map_err(|error| damaged(KEY_FILE, key_file, "private key", &error))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(BadTls::Mismatch {
            key: key_file.to_owned(),
            certificate: cert_file.to_owned(),
        }),
        Err(error) => Err(damaged(CERT_FILE, cert_file, "certificate", &error)),
    }
}

fn authorities(file: &Path) -> Result<Arc<RootCertStore>, BadTls> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(CLIENT_CA_FILE, file)? {
        let added = authorities.add(certificate);
        added.map_err(|error| damaged(CLIENT_CA_FILE, file, "certificate", &error))?;
    }
    Ok(Arc::new(authorities))
}

/// One or more.
fn certificates(key: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, BadTls> {
    let what = "certificate";
    let pem = read(key, file)?;
    let read: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = read.map_err(|error| damaged(key, file, what, &why_no_pem(&error)))?;
    if certificates.is_empty() {
        let path = file.to_owned();
        return Err(BadTls::Missing { key, path, what });
    }
    Ok(certificates)
}

fn private_key(
    file: &Path,
    settings: &config::Tls,
) -> Result<(PrivateKeyDer<'static>, bool), BadTls> {
    let what = "private key";
    let path = file.to_owned();
    let read = key::read(&read(KEY_FILE, file)?, settings.key_passphrase.as_ref());
    read.map_err(|error| match error {
        BadKey::Missing => BadTls::Missing {
            key: KEY_FILE,
            path,
            what,
        },
        BadKey::Damaged(reason) => BadTls::Damaged {
            key: KEY_FILE,
            path,
            what,
            reason,
        },
        BadKey::NoPassphrase => BadTls::NoPassphrase { path },
        BadKey::WrongPassphrase => BadTls::WrongPassphrase { path },
        BadKey::Encryption => BadTls::Encryption { path },
    })
}

fn what_is_wrong_with(validity: Option<Validity>, file: &Path) -> Option<String> {
    let now = SystemTime::now();
    let what = match validity {
        None => "does not tell until when it is valid",
        Some(validity) if validity.end <= now => "has expired: clients refuse it",
        Some(validity) if validity.begin > now => "is not valid yet: clients refuse it",
        Some(_) => return None,
    };
    let file = file.display();
    Some(format!(
        "the certificate in `{file}` (tls.cert_file) {what}"
    ))
}

fn read(key: &'static str, file: &Path) -> Result<Vec<u8>, BadTls> {
    std::fs::read(file).map_err(|error| BadTls::Unreadable {
        key,
        path: file.to_owned(),
        error,
    })
}

fn damaged(
    key: &'static str,
    file: &Path,
    what: &'static str,
    reason: &dyn std::fmt::Display,
) -> BadTls {
    BadTls::Damaged {
        key,
        path: file.to_owned(),
        what,
        reason: reason.to_string(),
    }
}
