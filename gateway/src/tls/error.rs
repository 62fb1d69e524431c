//! Why certificate, key or authorities cannot be used.

use std::path::PathBuf;

use rustls::pki_types::pem::Error as PemError;

/// What is wrong with a file in PEM. The library shows bytes as numbers.
pub(super) fn why_no_pem(error: &PemError) -> String {
    if let PemError::MissingSectionEnd { .. } = error {
        "it ends before its `-----END …-----`: was the file cut?".to_owned()
    } else if let PemError::IllegalSectionStart { .. } = error {
        "its `-----BEGIN …-----` is not whole: was the file cut?".to_owned()
    } else {
        error.to_string()
    }
}

/// Why certificate, key or authorities cannot be used: each one sentence that names
/// the key of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    /// A file is not there, or may not be read.
    #[error("{key} is `{}`, which cannot be read: {error}", path.display())]
    Unreadable {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file holds nothing of what it should.
    #[error("{key} is `{}`, which holds no {what} in PEM", path.display())]
    Missing {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A file holds something that cannot be understood.
    #[error("{key} is `{}`, whose {what} cannot be used: {reason}", path.display())]
    Damaged {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is encrypted, and nothing is given to open it.
    #[error(
        "tls.key_file is `{}`, whose key is encrypted: set tls.key_passphrase \
         (TLS_KEY_PASSPHRASE)",
        path.display()
    )]
    NoPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is another one's.
    #[error(
        "tls.key_passphrase does not open the key in `{}` (tls.key_file): give the one that it \
         was encrypted with",
        path.display()
    )]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The key is encrypted in a way that is not taken.
    #[error(
        "tls.key_file is `{}`, whose key is encrypted in a way that is not taken: write it anew \
         with `openssl pkcs8 -topk8 -v2 aes-256-cbc`",
        path.display()
    )]
    Encryption {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate do not belong together.
    #[error(
        "the key in `{}` (tls.key_file) is not that of the first certificate in `{}` \
         (tls.cert_file)",
        key.display(), certificate.display()
    )]
    Mismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
}
