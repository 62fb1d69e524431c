//! Tokens. An input is one byte, who signs, then header and claims with a line break
//! between them: chance would never find a signature. Where nobody signs, the rest is
//! the token as it is.

use std::sync::LazyLock;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use causerie_gateway::auth::{Auth, KeySetPace, TokenError, Verified};
use causerie_gateway::identity::Role;
use causerie_shared::clock::Clock;
use causerie_shared::config::{Loader, Program, Sources};
use futures::FutureExt;
use jsonwebtoken::{Algorithm, EncodingKey};

use super::Reach;

/// What some input of the corpus comes to.
pub const REACHES: &[&str] = &[
    "believed of a tenant",
    "believed of a visitor",
    "believed of the operator",
    "token_algorithm",
    "token_claim",
    "token_expired",
    "token_malformed",
    "token_not_yet",
    "token_signature",
    "token_too_long",
];

const OPERATOR: &str = "operator-operator-operator-operator";
const TENANT: &str = "acme-acme-acme-acme-acme-acme-acme";
const VISITORS: &str = "visitors-visitors-visitors-visitors";

/// In the year 2033, so that tokens of a corpus hold for long.
const NOW_MS: u64 = 2_000_000_000_000;

static AUTH: LazyLock<Auth> = LazyLock::new(|| {
    let tenants = format!(
        r#"tenants=[{{"id":"acme","hash":"h-acme","visitors":true,"origins":["https://acme.example"],"auth":{{"jwt_secret":"{TENANT}"}}}},
           {{"id":"other","hash":"h-other"}}]"#
    );
    let set = vec![
        tenants,
        format!("auth.jwt_secret={OPERATOR}"),
        format!("auth.visitor_secret={VISITORS}"),
        // Or most of them would hold for too long.
        "auth.revocations_kept=3650d".to_owned(),
    ];
    let sources = Sources {
        set,
        ..Sources::default()
    };
    let loader = Loader::new(Program::Standalone, sources).expect("settings");
    let settings = loader.load().expect("settings");
    let clock = Clock::starting_at(NOW_MS);
    let auth = Auth::new(&settings, KeySetPace::default(), clock);
    auth.now_or_never()
        .expect("nothing is fetched")
        .expect("good keys")
});

/// A token opens what its signer may open, and nothing else.
pub fn run(input: &[u8], reach: Reach<'_>) {
    let Some((signer, rest)) = input.split_first() else {
        return;
    };
    let secret = match signer {
        b'o' => OPERATOR,
        b't' => TENANT,
        b'v' => VISITORS,
        _ => {
            if let Ok(token) = std::str::from_utf8(rest) {
                let _ = verified(token);
            }
            return;
        }
    };
    let result = verified(&signed(rest, secret));
    let Verified { identity, tenant } = match result {
        Ok(verified) => verified,
        Err(error) => return reach(error.reason()),
    };
    assert_eq!(identity.tenant, tenant.id);
    assert!(identity.expires_ms.is_some_and(|ms| ms > NOW_MS));
    let is_operator = identity.roles.contains(&Role::Operator);
    reach(match signer {
        b'o' => "believed of the operator",
        b't' => {
            assert!(identity.tenant.as_str() == "acme" && !is_operator);
            assert!(!identity.is_visitor());
            "believed of a tenant"
        }
        _ => {
            assert!(identity.is_visitor() && !is_operator);
            "believed of a visitor"
        }
    });
}

fn verified(token: &str) -> Result<Verified, TokenError> {
    AUTH.verify(token)
        .now_or_never()
        .expect("nothing is fetched")
}

/// `header`, a line break, and claims, as the token that `secret` makes of them.
fn signed(parts: &[u8], secret: &str) -> String {
    let mut parts = parts.splitn(2, |byte| *byte == b'\n');
    let [header, claims] = [(); 2].map(|()| parts.next().unwrap_or_default());
    let message = [header, claims]
        .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part))
        .join(".");
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.expect("a signature"))
}
