//! Key sets that are published at a URL.

use std::time::Duration;

use causerie_gateway::auth::{Auth, KeySetPace, TokenError};
use causerie_shared::clock::Clock;
use causerie_shared::config::Settings;
use causerie_testkit::recorded::Recorded;
use serde_json::json;

use crate::auth::claims;
use crate::support::config::{TENANTS, settings};
use crate::support::keys::{Pair, SECRET, hs256};
use crate::support::node::{self, Node};
use crate::support::publisher::Publisher;

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(20);

/// Fetches once, and then only when a token asks for it.
const ON_DEMAND: KeySetPace = KeySetPace {
    refresh: NEVER,
    first_retry: NEVER,
    min_interval: Duration::ZERO,
};
/// Fetches again and again, and never because of a token.
const STEADY: KeySetPace = KeySetPace {
    refresh: SOON,
    first_retry: SOON,
    min_interval: NEVER,
};

async fn auth(publisher: &Publisher, pace: KeySetPace) -> Auth {
    Auth::new(&published_at(publisher), pace, Clock::default())
        .await
        .unwrap()
}

fn published_at(publisher: &Publisher) -> Settings {
    settings(&format!(
        "[auth]\njwks_url = '{}'\n{TENANTS}",
        publisher.url
    ))
}

#[tokio::test]
async fn keys_of_all_kinds_are_found_by_their_names_or_tried_in_turn() {
    let publisher = Publisher::start().await;
    let pairs = [Pair::rsa(), Pair::p256(), Pair::ed25519()];
    let mut set: Vec<_> = ["r", "e", "d"]
        .iter()
        .zip(&pairs)
        .map(|(kid, pair)| pair.jwk(Some(kid)))
        .collect();
    set.push(json!({"kty": "of the future"}));
    publisher.publish(&set);
    let auth = auth(&publisher, ON_DEMAND).await;
    for (kid, pair) in ["r", "e", "d"].iter().zip(&pairs) {
        for kid in [Some(*kid), None] {
            let token = pair.sign(kid, &claims(json!({})));
            assert!(auth.verify(&token).await.is_ok(), "{kid:?}");
        }
    }
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let publisher = Publisher::start().await;
    let (old, new) = (Pair::ed25519(), Pair::p256());
    publisher.publish(&[old.jwk(Some("old"))]);
    let auth = auth(&publisher, ON_DEMAND).await;
    let retired = old.sign(Some("old"), &claims(json!({})));
    assert!(auth.verify(&retired).await.is_ok());

    publisher.publish(&[new.jwk(Some("new"))]);
    let token = new.sign(Some("new"), &claims(json!({})));
    assert!(auth.verify(&token).await.is_ok());
    assert_eq!(publisher.fetches(), 2);
    assert_eq!(
        auth.verify(&retired).await.unwrap_err(),
        TokenError::Signature
    );
}

/// A tenant whose key set hangs delays nobody else's tokens.
#[tokio::test]
async fn a_set_that_hangs_delays_no_token_of_others() {
    let (operators, tenants) = (Publisher::start().await, Publisher::start().await);
    let (old, new, own) = (Pair::ed25519(), Pair::p256(), Pair::ed25519());
    operators.publish(&[old.jwk(Some("old"))]);
    tenants.publish(&[own.jwk(Some("own"))]);
    let both = settings(&format!(
        "[auth]\njwks_url = '{}'\n[[tenants]]\nid = 'acme'\nhash = 'h-acme'\n\
         origins = ['https://acme.example']\nauth.jwks_url = '{}'",
        operators.url, tenants.url
    ));
    let auth = Auth::new(&both, ON_DEMAND, Clock::default()).await.unwrap();
    tenants.hang();

    let known = old.sign(Some("old"), &claims(json!({})));
    assert!(auth.verify(&known).await.is_ok());
    assert_eq!((operators.fetches(), tenants.fetches()), (1, 1));

    operators.publish(&[new.jwk(Some("new"))]);
    let unknown = new.sign(Some("new"), &claims(json!({})));
    let soon = tokio::time::timeout(Duration::from_secs(5), auth.verify(&unknown));
    assert!(soon.await.expect("it waits for the tenant's").is_ok());
    assert_eq!(operators.fetches(), 2);
}

#[tokio::test]
async fn made_up_names_cause_no_flood_of_fetches() {
    let publisher = Publisher::start().await;
    let pair = Pair::ed25519();
    publisher.publish(&[pair.jwk(Some("known"))]);
    let pace = KeySetPace {
        min_interval: NEVER,
        ..ON_DEMAND
    };
    let auth = auth(&publisher, pace).await;
    let flood = (0..50).map(|kid| {
        let token = pair.sign(Some(&kid.to_string()), &claims(json!({})));
        let auth = &auth;
        async move { auth.verify(&token).await.unwrap_err() }
    });
    for error in futures::future::join_all(flood).await {
        assert_eq!(error, TokenError::Signature);
    }
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn a_set_is_fetched_again_from_time_to_time_and_kept_when_that_fails() {
    let publisher = Publisher::start().await;
    let (old, new) = (Pair::ed25519(), Pair::p256());
    publisher.publish(&[old.jwk(None)]);
    let auth = auth(&publisher, STEADY).await;
    let by_old = old.sign(None, &claims(json!({})));
    let by_new = new.sign(None, &claims(json!({})));

    // A fetch is over, and what came of it in use, when the next but one begins.
    publisher.fail();
    publisher.until_fetched(2).await;
    assert!(auth.verify(&by_old).await.is_ok());
    for nonsense in ["nothing", "{\"keys\":[]}", &"x".repeat(300_000)] {
        publisher.publish_text(nonsense.to_owned());
        publisher.until_fetched(2).await;
        assert!(auth.verify(&by_old).await.is_ok());
    }

    publisher.publish(&[new.jwk(None)]);
    publisher.until_fetched(3).await;
    assert!(auth.verify(&by_new).await.is_ok());
}

#[tokio::test]
async fn a_set_that_could_not_be_fetched_at_the_start_comes_later() {
    let recorded = Recorded::here();
    let publisher = Publisher::start().await;
    let pair = Pair::ed25519();
    let auth = auth(&publisher, STEADY).await;
    let token = pair.sign(None, &claims(json!({})));
    assert_eq!(auth.verify(&token).await.unwrap_err(), TokenError::KeysAway);
    // No secret is ever published, so there is nothing to wait for.
    let made_up = hs256(SECRET, &claims(json!({})));
    assert_eq!(
        auth.verify(&made_up).await.unwrap_err(),
        TokenError::Signature
    );
    publisher.publish(&[pair.jwk(None)]);
    publisher.until_fetched(3).await;
    assert!(auth.verify(&token).await.is_ok());
    recorded.metric_rises("causerie_key_set_fetches_total");
}

/// Whoever is told 401 throws a good token away.
#[tokio::test]
async fn a_token_whose_key_cannot_be_fetched_is_not_a_bad_one() {
    let publisher = Publisher::start().await;
    publisher.fail();
    let node = Node::set(&[&format!("auth.jwks_url={}", publisher.url)]).await;
    let path = "/api/rooms/user:me/history";
    let token = Pair::ed25519().sign(Some("new"), &claims(json!({})));
    let away = node.get(path, &token).await;
    assert_eq!((away.status, away.header("retry-after")), (503, "5"));
    let error = away.json();
    assert_eq!(error["code"], "overloaded");
    assert_eq!(error["canRetry"], true);
    assert_eq!(node.get("/ws", &token).await.status, 503);
    // What can be checked without is checked.
    assert_eq!(node.get(path, &node::token(json!({}))).await.status, 200);
    let made_up = hs256("another-another-another-another-", &claims(json!({})));
    assert_eq!(node.get(path, &made_up).await.status, 401);
}

#[tokio::test]
async fn keys_that_are_known_count_while_no_others_can_be_fetched() {
    let publisher = Publisher::start().await;
    let (known, new) = (Pair::ed25519(), Pair::ed25519());
    publisher.publish(&[known.jwk(Some("known"))]);
    let auth = auth(&publisher, ON_DEMAND).await;
    publisher.fail();
    let ask = async |pair: &Pair, kid| {
        let token = pair.sign(Some(kid), &claims(json!({})));
        auth.verify(&token).await.map(|_| ())
    };
    assert_eq!(ask(&new, "new").await, Err(TokenError::KeysAway));
    assert_eq!(ask(&known, "known").await, Ok(()));
    assert_eq!(ask(&new, "known").await, Err(TokenError::Signature));
    publisher.publish(&[known.jwk(Some("known")), new.jwk(Some("new"))]);
    assert_eq!(ask(&new, "new").await, Ok(()));
}

/// Not even where it is just being fetched when nobody uses it any more.
#[tokio::test]
async fn a_set_that_nobody_uses_is_fetched_no_more() {
    let (first, second) = (Publisher::start().await, Publisher::start().await);
    for publisher in [&first, &second] {
        publisher.publish(&[Pair::ed25519().jwk(None)]);
    }
    let auth = auth(&first, STEADY).await;
    first.until_fetched(2).await;
    first.hang();
    first.until_fetched(1).await;
    let settings = published_at(&second);
    let reloaded = tokio::time::timeout(Duration::from_secs(5), auth.reload(&settings));
    reloaded.await.expect("it waits for the first").unwrap();
    let last = first.fetches();
    first.go_on();
    second.until_fetched(10).await;
    assert_eq!(first.fetches(), last);
}

#[tokio::test]
async fn what_is_published_is_no_secret() {
    let publisher = Publisher::start().await;
    let pair = Pair::ed25519();
    let secret = json!({"kty": "oct", "alg": "HS256",
        "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"});
    let mut for_encryption = Pair::rsa().jwk(None);
    for_encryption["use"] = json!("enc");
    publisher.publish(&[secret, for_encryption, pair.jwk(None)]);
    let auth = auth(&publisher, ON_DEMAND).await;
    let token = hs256(SECRET, &claims(json!({})));
    assert_eq!(
        auth.verify(&token).await.unwrap_err(),
        TokenError::Signature
    );
    assert!(
        auth.verify(&pair.sign(None, &claims(json!({}))))
            .await
            .is_ok()
    );
}
