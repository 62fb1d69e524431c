//! Encryption of the public listener.

use std::path::PathBuf;

use super::section::section;
use super::types::{Secret, TlsVersion};

section! {
    /// Encryption of the public listener: with a certificate it takes TLS only.
    /// See [TLS](tls.md).
    Tls {
        /// PEM file with the certificate, and those between it and its authority.
        cert_file: Option<PathBuf> = None;
        /// PEM file with the private key of that certificate.
        key_file: Option<PathBuf> = None;
        /// Opens the private key, where it is encrypted.
        key_passphrase: Option<Secret> = None, in 1..=1024;
        /// PEM file with the authorities of clients. Where it is set, only clients
        /// with a certificate of one of them are taken.
        client_ca_file: Option<PathBuf> = None;
        /// Oldest version of TLS that is taken.
        min_version: TlsVersion = TlsVersion::V13;
        /// A second port, on the same address, that takes plain HTTP and WebSockets
        /// beside TLS; 0 takes any free one.
        plain_port: Option<u16> = None, in 0..=65535;
    }
}

impl Tls {
    /// Whether the public listener takes TLS.
    pub fn is_enabled(&self) -> bool {
        self.cert_file.is_some()
    }

    /// The files that the keys name.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = [&self.cert_file, &self.key_file, &self.client_ca_file];
        files.into_iter().flatten().cloned().collect()
    }
}
