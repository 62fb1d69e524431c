//! API keys are kept until they are revoked.

use causerie_shared::api_key::{ApiKey, KeyCard, KeyHash, KeyScope, StoredKey, partition_of_keys};
use causerie_shared::bus::Retention;
use causerie_shared::ids::{KeyId, TenantId};

use crate::world::{World, two_nodes};

fn tenant(text: &str) -> TenantId {
    TenantId::new(text).unwrap()
}

/// A new key of `tenant`.
pub fn key(of: &str) -> ApiKey {
    let tenant = tenant(of);
    ApiKey {
        created_ms: 1_700_000_000_000,
        card: KeyCard {
            by: None,
            id: KeyId::generate(partition_of_keys(&tenant)),
            scopes: [KeyScope::Publish, KeyScope::Read].into(),
            hash: KeyHash::new(&[7; 32]).unwrap(),
            until: Some(1_800_000_000),
            name: "The shop's server, \u{fc}ber = \"all\"".into(),
        },
        tenant,
    }
}

fn unused(key: &ApiKey) -> StoredKey {
    StoredKey {
        key: key.clone(),
        used_ms: None,
    }
}

pub async fn a_key_is_kept_until_it_is_revoked<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let key = key("acme");
    let id = &key.card.id;
    assert_eq!(there.key(id).await.unwrap(), None);
    assert!(here.add_key(&key).await.unwrap());
    // As one whose answer was lost.
    assert!(here.add_key(&key).await.unwrap());
    assert_eq!(there.key(id).await.unwrap(), Some(unused(&key)));
    for bus in [&there, &here] {
        bus.revoke_key(id).await.unwrap();
        assert_eq!(here.key(id).await.unwrap(), None);
    }
    assert!(here.keys(&key.tenant).await.unwrap().is_empty());
}

pub async fn a_key_takes_no_others_place<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let first = key("acme");
    assert!(here.add_key(&first).await.unwrap());
    let mut second = first.clone();
    second.card.hash = KeyHash::new(&[8; 32]).unwrap();
    assert!(!there.add_key(&second).await.unwrap());
    let kept = there.key(&first.card.id).await.unwrap();
    assert_eq!(kept, Some(unused(&first)));
}

pub async fn keys_are_listed_by_their_tenant<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let mut own = [(); 5].map(|()| key("acme"));
    own.sort_by(|a, b| a.card.id.cmp(&b.card.id));
    // In the very partition of the others.
    let mut stranger = key("bolt");
    stranger.card.id = KeyId::generate(partition_of_keys(&tenant("acme")));
    for key in own.iter().rev().chain([&stranger]) {
        assert!(here.add_key(key).await.unwrap());
    }
    let listed = there.keys(&tenant("acme")).await.unwrap();
    assert_eq!(listed, own.each_ref().map(unused));
    assert!(there.keys(&tenant("crux")).await.unwrap().is_empty());
}

pub async fn the_last_use_of_a_key_is_noted<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let key = key("acme");
    let id = &key.card.id;
    here.add_key(&key).await.unwrap();
    for (at_ms, used_ms) in [(20, 20), (10, 20), (1_700_000_000_000, 1_700_000_000_000)] {
        there.note_key_used(id, at_ms).await.unwrap();
        let kept = here.key(id).await.unwrap().unwrap();
        assert_eq!(kept.used_ms, Some(used_ms));
        assert_eq!(here.keys(&key.tenant).await.unwrap(), [kept]);
    }
    // Nothing of it comes back.
    here.revoke_key(id).await.unwrap();
    there.note_key_used(id, 30).await.unwrap();
    assert_eq!(here.key(id).await.unwrap(), None);
    here.add_key(&key).await.unwrap();
    assert_eq!(there.key(id).await.unwrap(), Some(unused(&key)));
}
