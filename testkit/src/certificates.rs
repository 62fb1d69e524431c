//! Certificates that only those trust who are told to, and clients that do.
//!
//! ```
//! use causerie_testkit::certificates::{Authority, Trust};
//! let authority = Authority::new();
//! let server = authority.certify("localhost");
//! assert!(server.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
//! let client = Trust::in_authority(&authority).config();
//! ```

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, SupportedProtocolVersion};

/// One who signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, in PEM.
    pub certificate: String,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// The private key, as PKCS#8.
    pub key: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// One of its own, valid for very long.
    ///
    /// # Panics
    /// When there is no randomness for a key.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("a certificate can be made");
        Self {
            certificate: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A key and certificate for a host's name or address, or a client.
    ///
    /// # Panics
    /// When `name` is no name.
    pub fn certify(&self, name: &str) -> Certified {
        self.certify_until(name, 4000)
    }

    /// The same, valid until the beginning of a year.
    ///
    /// # Panics
    /// When `name` is no name.
    pub fn certify_until(&self, name: &str, year: i32) -> Certified {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(vec![name.to_owned()]);
        let mut params = params.expect("a name that a certificate may have");
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer);
        Certified {
            certificate: certificate.expect("a certificate can be made").pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Whom a client trusts, and what it shows of itself.
#[derive(Debug, Clone)]
#[must_use]
pub struct Trust {
    roots: RootCertStore,
    identity: Option<Certified>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Trust {
    /// In those whom `authority` has signed for.
    pub fn in_authority(authority: &Authority) -> Self {
        Self::in_certificate(&authority.certificate)
    }

    /// In those for whom this certificate, in PEM, stands.
    ///
    /// # Panics
    /// When it is none.
    pub fn in_certificate(pem: &str) -> Self {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate)
            .expect("a certificate can be trusted");
        Self {
            roots,
            identity: None,
            versions: ALL_VERSIONS.to_vec(),
        }
    }

    /// Shows this certificate where it is asked for one.
    pub fn showing(mut self, identity: &Certified) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    /// Speaks this version alone.
    pub fn speaking(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// What a client of TLS is made of.
    ///
    /// # Panics
    /// When the certificate to show is none.
    pub fn config(self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("versions that there are")
            .with_root_certificates(self.roots);
        let config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(Certified { certificate, key }) => {
                let chain = CertificateDer::from_pem_slice(certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                let chain = vec![chain.expect("a certificate")];
                let shown = builder.with_client_auth_cert(chain, key);
                shown.expect("a certificate and its key")
            }
        };
        Arc::new(config)
    }
}
