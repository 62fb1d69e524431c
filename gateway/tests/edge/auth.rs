//! Which tokens are believed.

use std::io::Write;

use causerie_gateway::auth::{Auth, BadKeys, KeySetPace, TokenError};
use causerie_gateway::identity::{Identity, Projects, Role};
use causerie_shared::clock::Clock;
use causerie_shared::config::{Secret, Settings};
use causerie_shared::ids::{InvalidId, TenantHash};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::config::{TENANTS, settings};
use crate::support::keys::{Pair, SECRET, hs256};

const VISITORS: &str = "visitors-visitors-visitors-visit";

/// Two tenants, and `auth` of the operator.
fn operators(auth: &str) -> Settings {
    settings(&format!(
        "[auth]\nvisitor_secret = '{VISITORS}'\n{auth}\n{TENANTS}"
    ))
}

fn secret(text: &str) -> String {
    format!("jwt_secret = '{text}'")
}

async fn auth(settings: &Settings) -> Auth {
    try_auth(settings).await.unwrap()
}

async fn try_auth(settings: &Settings) -> Result<Auth, BadKeys> {
    Auth::new(settings, KeySetPace::default(), Clock::default()).await
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn pem_file(file: &NamedTempFile) -> String {
    format!("jwt_public_key_file = '{}'", file.path().display())
}

pub(crate) fn now() -> u64 {
    Clock::default().now_ms() / 1_000
}

pub(crate) fn claims(more: Value) -> Value {
    let mut claims = json!({"tenant": "acme", "sub": "u1", "exp": now() + 600});
    let more = more.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

/// What becomes of a token with these claims under the operator's secret.
async fn believed(more: Value) -> Result<Identity, TokenError> {
    let auth = auth(&operators(&secret(SECRET))).await;
    let token = hs256(SECRET, &claims(more));
    Ok(auth.verify(&token).await?.identity)
}

#[tokio::test]
async fn each_algorithm_is_verified_by_its_key_alone() {
    let pairs = [Pair::rsa(), Pair::p256(), Pair::ed25519()];
    let strangers = [Pair::rsa(), Pair::p256(), Pair::ed25519()];
    for (at, pair) in pairs.iter().enumerate() {
        let pem = file(&pair.public_pem);
        let auth = auth(&operators(&pem_file(&pem))).await;
        for (other, candidate) in pairs.iter().enumerate() {
            let outcome = auth.verify(&candidate.sign(None, &claims(json!({})))).await;
            assert_eq!(outcome.is_ok(), at == other, "{:?}", candidate.algorithm);
        }
        let stranger = strangers[at].sign(None, &claims(json!({})));
        assert_eq!(
            auth.verify(&stranger).await.unwrap_err(),
            TokenError::Signature
        );
        let changed = pair.sign(None, &claims(json!({})));
        let (head, signature) = changed.rsplit_once('.').unwrap();
        let (header, _) = head.split_once('.').unwrap();
        let forged = pair.sign(None, &claims(json!({"sub": "u2"})));
        let payload = forged.split('.').nth(1).unwrap();
        let forged = format!("{header}.{payload}.{signature}");
        assert_eq!(
            auth.verify(&forged).await.unwrap_err(),
            TokenError::Signature
        );
    }
}

/// The old trick: a token of HS256 whose secret is the text of the public key.
#[tokio::test]
async fn a_public_key_is_never_taken_for_a_secret() {
    for pair in [Pair::rsa(), Pair::p256(), Pair::ed25519()] {
        let pem = file(&pair.public_pem);
        let auth = auth(&operators(&pem_file(&pem))).await;
        let token = hs256(&pair.public_pem, &claims(json!({})));
        assert_eq!(
            auth.verify(&token).await.unwrap_err(),
            TokenError::Signature
        );
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_none() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let auth = auth(&operators(&secret(SECRET))).await;
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = encode(claims(json!({})));
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
    ] {
        let token = format!("{}.{payload}.", encode(header));
        assert_eq!(
            auth.verify(&token).await.unwrap_err(),
            TokenError::Malformed
        );
    }
    let unsigned = format!("{}.{payload}.", encode(json!({"alg": "HS256"})));
    assert_eq!(
        auth.verify(&unsigned).await.unwrap_err(),
        TokenError::Signature
    );
    for text in ["", ".", "..", "a.b.c", "a.b", "a.b.c.d", "ä.ä.ä"] {
        assert_eq!(
            auth.verify(text).await.unwrap_err(),
            TokenError::Malformed,
            "{text}"
        );
    }
}

#[tokio::test]
async fn only_allowed_algorithms_are_accepted() {
    let settings = format!("{}\njwt_algorithms = ['HS256']", secret(SECRET));
    let auth = auth(&operators(&settings)).await;
    assert!(
        auth.verify(&hs256(SECRET, &claims(json!({}))))
            .await
            .is_ok()
    );
    let refused = auth
        .verify(&Pair::p256().sign(None, &claims(json!({}))))
        .await;
    assert_eq!(
        refused.unwrap_err(),
        TokenError::Algorithm(Algorithm::ES256)
    );
}

#[tokio::test]
async fn a_tenants_key_speaks_for_that_tenant_only() {
    let own = "acme-acme-acme-acme-acme-acme-ac";
    let mut settings = operators(&secret(SECRET));
    settings.tenants[0].auth.jwt_secret = Some(Secret::new(own));
    let auth = auth(&settings).await;
    let at = |tenant: &str, key: &str| {
        hs256(
            key,
            &claims(json!({"tenant": tenant, "roles": ["admin", "operator"]})),
        )
    };
    let by_tenant = auth.verify(&at("acme", own)).await.unwrap();
    assert_eq!(by_tenant.identity.roles, [Role::Admin].into());
    assert_eq!(
        auth.verify(&at("other", own)).await.unwrap_err(),
        TokenError::Signature
    );
    for tenant in ["acme", "other"] {
        let by_operator = auth.verify(&at(tenant, SECRET)).await.unwrap();
        assert_eq!(by_operator.tenant.id.as_str(), tenant);
        assert_eq!(
            by_operator.identity.roles,
            [Role::Admin, Role::Operator].into()
        );
    }
    assert_eq!(
        auth.verify(&at("nobody", SECRET)).await.unwrap_err(),
        TokenError::UnknownTenant
    );
}

#[tokio::test]
async fn claims_become_an_identity() {
    let identity = believed(json!({
        "projects": ["p1", "p2"], "roles": ["publisher", "of-its-own"], "name": "Ann",
    }))
    .await
    .unwrap();
    assert_eq!(identity.user.as_str(), "u1");
    assert_eq!(identity.name.as_deref(), Some("Ann"));
    assert_eq!(identity.roles, [Role::Publisher].into());
    assert!(matches!(&identity.projects, Projects::Some(projects) if projects.len() == 2));
    let all = believed(json!({"projects": "*"})).await.unwrap();
    assert_eq!(all.projects, Projects::All);
    let none = believed(json!({"name": null})).await.unwrap();
    assert_eq!(none.projects, Projects::Some([].into()));
}

#[tokio::test]
async fn times_have_a_minute_of_leeway() {
    let expires = now() - 30;
    let identity = believed(json!({"exp": expires, "nbf": now() + 30}))
        .await
        .unwrap();
    assert_eq!(identity.expires_ms, Some((expires + 60) * 1_000));
    assert!(believed(json!({"exp": now() as f64 + 0.5})).await.is_ok());
    assert_eq!(
        believed(json!({"exp": now() - 61})).await.unwrap_err(),
        TokenError::Expired
    );
    assert_eq!(
        believed(json!({"exp": -1})).await.unwrap_err(),
        TokenError::Expired
    );
    // Of one that was made later no revocation could say that it is older.
    for claim in ["nbf", "iat"] {
        assert!(believed(json!({claim: now() + 30})).await.is_ok());
        let ahead = believed(json!({claim: now() + 90})).await;
        assert_eq!(ahead.unwrap_err(), TokenError::NotYet(claim));
    }
}

/// A revocation is forgotten one day; what it was for must have ended by then.
#[tokio::test]
async fn no_token_holds_longer_than_revocations_are_remembered() {
    let kept = operators(&secret(SECRET)).auth.revocations_kept;
    let too_long = Err(TokenError::HoldsTooLong(kept));
    let lasting = async |made: Value, more: u64| {
        let from = made.as_u64().unwrap_or_else(now);
        let exp = from + kept.as_secs() + more;
        believed(json!({"iat": made, "exp": exp})).await.map(|_| ())
    };
    let yesterday = json!(now() - 86_400);
    assert_eq!(lasting(yesterday.clone(), 0).await, Ok(()));
    assert_eq!(lasting(yesterday, 1).await, too_long);
    // Where it does not say when it was made it may have been now.
    assert_eq!(lasting(Value::Null, 0).await, Ok(()));
    assert_eq!(lasting(Value::Null, 60).await, too_long);
}

#[tokio::test]
async fn times_go_by_the_buss_clock() {
    let clock = Clock::default();
    let auth = Auth::new(
        &operators(&secret(SECRET)),
        KeySetPace::default(),
        clock.clone(),
    )
    .await
    .unwrap();
    let token = hs256(SECRET, &claims(json!({})));
    assert!(auth.verify(&token).await.is_ok());
    clock.set(clock.now_ms() + 3_600_000);
    assert_eq!(auth.verify(&token).await.unwrap_err(), TokenError::Expired);
}

#[tokio::test]
async fn a_bad_claim_is_named() {
    for (claim, value, expected) in [
        ("exp", json!(null), TokenError::ClaimMissing("exp")),
        ("tenant", json!(null), TokenError::ClaimMissing("tenant")),
        ("sub", json!(null), TokenError::ClaimMissing("sub")),
        (
            "sub",
            json!("a b"),
            TokenError::ClaimId("sub", InvalidId::Alphabet),
        ),
        (
            "sub",
            json!("me"),
            TokenError::ClaimId("sub", InvalidId::Reserved),
        ),
        (
            "projects",
            json!(["p:1"]),
            TokenError::ClaimId("projects", InvalidId::Alphabet),
        ),
    ] {
        assert_eq!(
            believed(json!({ claim: value })).await.unwrap_err(),
            expected
        );
    }
    for (claim, value) in [
        ("exp", json!("soon")),
        ("exp", json!((now() + 600) * 1_000)),
        ("nbf", json!(1e300)),
        ("nbf", json!("now")),
        ("sub", json!(7)),
        ("projects", json!("p1")),
        ("projects", json!([7])),
        ("roles", json!("admin")),
        ("name", json!("x".repeat(129))),
        ("name", json!("Ann\u{1b}[31m")),
        ("name", json!("Ann\nbob")),
        ("name", json!("Ann\u{85}")),
        ("name", json!("Ann\u{7f}")),
    ] {
        let error = believed(json!({ claim: value })).await.unwrap_err();
        let named = matches!(&error, TokenError::ClaimType(name, _) if *name == claim);
        assert!(named, "{claim}: {error}");
        assert!(error.to_string().contains(claim), "{error}");
    }
}

#[tokio::test]
async fn issuer_and_audience_must_agree_where_configured() {
    let makers = "jwt_issuer = 'https://id.example'\njwt_audience = 'chat'";
    let auth = auth(&operators(&format!("{}\n{makers}", secret(SECRET)))).await;
    for (more, refused) in [
        (json!({"iss": "https://id.example", "aud": "chat"}), None),
        (
            json!({"iss": "https://id.example", "aud": ["x", "chat"]}),
            None,
        ),
        (json!({"aud": "chat"}), Some(TokenError::Issuer)),
        (
            json!({"iss": "https://else.example", "aud": "chat"}),
            Some(TokenError::Issuer),
        ),
        (
            json!({"iss": "https://id.example"}),
            Some(TokenError::Audience),
        ),
        (
            json!({"iss": "https://id.example", "aud": ["x"]}),
            Some(TokenError::Audience),
        ),
    ] {
        let outcome = auth.verify(&hs256(SECRET, &claims(more.clone()))).await;
        assert_eq!(outcome.err(), refused, "{more}");
    }
}

#[tokio::test]
async fn visitors_ids_come_only_from_us() {
    let settings = operators(&secret(SECRET));
    let auth = auth(&settings).await;
    let acme = auth.tenant(&TenantHash::new("h-acme").unwrap()).unwrap();
    let visitor = auth.new_visitor(&acme).unwrap();
    assert!(visitor.identity.is_visitor());
    let again = auth.verify(&visitor.token).await.unwrap();
    assert_eq!(again.identity, visitor.identity);

    let forged = hs256(SECRET, &claims(json!({"sub": "v~1"})));
    assert_eq!(
        auth.verify(&forged).await.unwrap_err(),
        TokenError::NotOurVisitor
    );
    let climbing = hs256("visitors-visitors-visitors-visit", &claims(json!({})));
    assert_eq!(
        auth.verify(&climbing).await.unwrap_err(),
        TokenError::Signature
    );

    let mut closed = settings;
    closed.tenants[0].visitors = false;
    auth.reload(&closed).await.unwrap();
    assert_eq!(
        auth.verify(&visitor.token).await.unwrap_err(),
        TokenError::NoVisitors
    );
    let acme = auth.tenant(&TenantHash::new("h-acme").unwrap()).unwrap();
    assert_eq!(auth.new_visitor(&acme).unwrap_err(), TokenError::NoVisitors);
}

#[tokio::test]
async fn a_reload_takes_effect_and_a_bad_one_does_not() {
    let auth = auth(&operators(&secret(SECRET))).await;
    let token = hs256(SECRET, &claims(json!({})));
    let mut bad = operators("");
    bad.tenants[0].auth.jwt_public_key_file = Some("/nonexistent/key.pem".into());
    let error = auth.reload(&bad).await.unwrap_err().to_string();
    assert!(
        error.starts_with("tenants[0].auth.jwt_public_key_file is /nonexistent/key.pem: "),
        "{error}"
    );
    assert!(auth.verify(&token).await.is_ok());
    let other = "another-another-another-another-";
    auth.reload(&operators(&secret(other))).await.unwrap();
    assert_eq!(
        auth.verify(&token).await.unwrap_err(),
        TokenError::Signature
    );
    assert!(auth.verify(&hs256(other, &claims(json!({})))).await.is_ok());
}

#[tokio::test]
async fn a_key_file_of_the_wrong_kind_says_so() {
    for (text, why) in [
        (Pair::rsa().private_pem, "private key"),
        ("hello".into(), "no public key"),
        (Pair::p384().public_pem, "P-256"),
    ] {
        let file = file(&text);
        let error = try_auth(&operators(&pem_file(&file))).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}
