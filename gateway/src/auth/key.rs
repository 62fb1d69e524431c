//! Keys that verify tokens. Each is good for one algorithm, which its own type
//! decides, never a token: so a public key can never be taken for a secret.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// An uncompressed point of P-256: one byte of format, twice 32 of coordinates.
const P256_POINT_BYTES: usize = 65;
/// What the structure of a public RSA key of 2,048 bits has at the least.
const RSA_2048_BYTES: usize = 256;

/// A key that verifies tokens.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its name in a key set.
    pub(super) kid: Option<String>,
    /// The one algorithm that it is good for.
    pub(super) algorithm: Algorithm,
    decoding: DecodingKey,
}

/// What is wrong with the text of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPem {
    #[error("it holds a private key: give the public one, as `openssl pkey -pubout` writes it")]
    Private,
    #[error("its RSA key has fewer than 2048 bits")]
    ShortRsa,
    #[error("its elliptic curve is not P-256")]
    Curve,
    #[error("it holds no public key of RSA, P-256 or Ed25519 in PEM")]
    Unknown,
}

impl Key {
    /// A shared secret.
    pub(super) fn from_secret(secret: &str) -> Self {
        Self {
            kid: None,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret.as_bytes()),
        }
    }

    /// A public key in PEM, of whichever type it is.
    pub(super) fn from_pem(pem: &str) -> Result<Self, BadPem> {
        if pem.contains("PRIVATE KEY") {
            return Err(BadPem::Private);
        }
        let pem = pem.as_bytes();
        let (algorithm, decoding) = if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            (Algorithm::EdDSA, key)
        } else if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            (Algorithm::ES256, key)
        } else {
            let key = DecodingKey::from_rsa_pem(pem).map_err(|_| BadPem::Unknown)?;
            (Algorithm::RS256, key)
        };
        let bytes = decoding
            .try_get_as_bytes()
            .map_err(|_| BadPem::Unknown)?
            .len();
        if algorithm == Algorithm::RS256 && bytes < RSA_2048_BYTES {
            return Err(BadPem::ShortRsa);
        }
        if algorithm == Algorithm::ES256 && bytes != P256_POINT_BYTES {
            return Err(BadPem::Curve);
        }
        Ok(Self {
            kid: None,
            algorithm,
            decoding,
        })
    }

    /// A key of a published set; `None` where it is not for verifying tokens
    /// of ours. A symmetric key never is: what is published is no secret.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "not exhaustive by its author's will"
    )]
    pub(super) fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let for_signatures = matches!(
            jwk.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        );
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            // The library may come to know further kinds; none of them is ours.
            _ => return None,
        };
        let of_that_algorithm = jwk
            .common
            .key_algorithm
            .is_none_or(|named| named == KeyAlgorithm::from(algorithm));
        if !(for_signatures && of_that_algorithm) {
            return None;
        }
        Some(Self {
            kid: jwk.common.key_id.clone(),
            algorithm,
            decoding: DecodingKey::from_jwk(jwk).ok()?,
        })
    }

    /// Whether a token whose header names `algorithm` and `kid` may be under
    /// this key. A key or a token without a `kid` goes with any.
    pub(super) fn may_fit(&self, algorithm: Algorithm, kid: Option<&str>) -> bool {
        let named_alike = match (&self.kid, kid) {
            (Some(own), Some(kid)) => own == kid,
            (None, _) | (_, None) => true,
        };
        self.algorithm == algorithm && named_alike
    }

    /// Whether `signature` is this key's for `message`.
    pub(super) fn verifies(&self, message: &str, signature: &str) -> bool {
        jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            &self.decoding,
            self.algorithm,
        )
        .unwrap_or(false)
    }
}
