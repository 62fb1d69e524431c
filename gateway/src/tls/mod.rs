//! TLS on the public port.
//!
//! - `material`: certificate, key and authorities, read from their files
//! - `key`: a private key, encrypted or not
//! - `validity`: from when to when a certificate holds
//! - `handshake`: how a connection begins, or why it does not
//! - `socket`: one connection
//! - `engine`: what is encrypted and decrypted there
//! - `events`: log lines and metrics

mod engine;
mod error;
mod events;
mod handshake;
mod key;
mod material;
mod socket;
mod validity;

use std::sync::Arc;

use arc_swap::ArcSwap;
use causerie_shared::config::{self, Settings};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

pub use error::BadTls;
use handshake::Failure;
use material::Material;
pub(crate) use socket::{TlsSending, TlsSocket, TlsStream};

/// What connections over TLS begin with. It can be replaced while the node runs:
/// connections that are open stay as they are.
#[derive(Debug)]
pub struct Tls {
    config: ArcSwap<ServerConfig>,
}

/// Reads the files that `settings` name, if they name any; what an operator should
/// know of them, one sentence each.
///
/// # Errors
/// [`BadTls`] names the key of the configuration that cannot be used.
pub fn check(settings: &Settings) -> Result<Vec<String>, BadTls> {
    let material = read(&settings.tls)?;
    Ok(material.map_or_else(Vec::new, |material| material.warnings))
}

fn read(settings: &config::Tls) -> Result<Option<Material>, BadTls> {
    match (&settings.cert_file, &settings.key_file) {
        (Some(certificates), Some(key)) => Material::read(certificates, key, settings).map(Some),
        // That both are given, or neither, is a rule of the configuration.
        (Some(_) | None, _) => Ok(None),
    }
}

impl Tls {
    /// Reads the files that `settings` name; `None` where there is to be no TLS.
    ///
    /// # Errors
    /// [`BadTls`] names the key of the configuration that cannot be used.
    pub fn new(settings: &Settings) -> Result<Option<Arc<Self>>, BadTls> {
        let Some(material) = read(&settings.tls)? else {
            return Ok(None);
        };
        events::begin_at_zero();
        events::taken(&material);
        Ok(Some(Arc::new(Self {
            config: ArcSwap::new(material.config),
        })))
    }

    /// Reads the files again. Where they cannot be used everything stays as it was,
    /// which is logged and counted.
    pub(crate) fn reload(&self, settings: &Settings) {
        match read(&settings.tls) {
            Ok(Some(material)) => {
                events::reloaded(&material);
                self.config.store(material.config);
            }
            Ok(None) => {}
            Err(error) => events::reload_failed(&error),
        }
    }

    /// Shakes hands with who has connected, until `deadline`; `None` where they did
    /// not come to it.
    pub(crate) async fn accept(&self, stream: TcpStream, deadline: Instant) -> Option<TlsStream> {
        let accepting = handshake::accept(stream, self.config.load_full());
        let accepted = timeout_at(deadline, accepting).await;
        match accepted.unwrap_or(Err(Failure::TimedOut)) {
            Ok(stream) => {
                events::connected(stream.version());
                Some(stream)
            }
            Err(failure) => {
                events::failed(failure);
                None
            }
        }
    }
}
