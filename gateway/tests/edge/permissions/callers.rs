//! Those who try: of each kind one, of a tenant.

use causerie_shared::api_key::KeyScope;
use causerie_testkit::client::http::request;
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::api_keys::kept;
use crate::auth::claims;
use crate::support::keys::hs256;
use crate::support::node::{Node, token};

/// A tenant of the test's configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant {
    pub(super) id: &'static str,
    pub(super) hash: &'static str,
    pub(super) origin: &'static str,
    /// Under which it makes tokens of its own.
    secret: &'static str,
    /// What stands in all that is said, announced and shown there.
    pub(super) sign: &'static str,
}

pub(super) const OWN: Tenant = Tenant {
    id: "shop",
    hash: "h-shop",
    origin: "https://shop.example",
    secret: "shop-shop-shop-shop-shop-shop-shop",
    sign: "at-shop",
};

pub(super) const FOREIGN: Tenant = Tenant {
    id: "rival",
    hash: "h-rival",
    origin: "https://rival.example",
    secret: "rival-rival-rival-rival-rival-rival",
    sign: "at-rival",
};

impl Tenant {
    pub(super) fn other(self) -> Self {
        if self.id == OWN.id { FOREIGN } else { OWN }
    }

    /// As it stands in the configuration.
    pub(super) fn configured(self) -> String {
        let Self {
            id,
            hash,
            origin,
            secret,
            ..
        } = self;
        format!(
            "[[tenants]]\nid = '{id}'\nhash = '{hash}'\norigins = ['{origin}']\nvisitors = true\n\
             auth = {{ jwt_secret = '{secret}' }}\n"
        )
    }
}

/// The columns of the table.
pub(super) const KINDS: [&str; 9] = [
    "visitor",
    "user",
    "publisher",
    "admin",
    "operator",
    "tenant:admin",
    "key:publish",
    "key:read",
    "key:admin",
];

/// One who tries.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) kind: &'static str,
    pub(super) tenant: Tenant,
    pub(super) token: String,
    /// Who it is; a server is nobody.
    pub(super) user: Option<String>,
    /// A token with which the user of that name of the own tenant says whatever is to
    /// be theirs, anywhere.
    pub(super) free: String,
}

impl Caller {
    /// Made at `node`, who issues the keys and the visitor's token.
    pub(super) async fn of_each_kind(node: &Node, tenant: Tenant) -> Vec<Self> {
        join_all(KINDS.map(|kind| Self::new(node, tenant, kind))).await
    }

    async fn new(node: &Node, tenant: Tenant, kind: &'static str) -> Self {
        let (token, user) = match kind {
            "visitor" => visitor(node, tenant).await,
            "user" => (person(tenant, kind, &[]), Some(kind.to_owned())),
            "publisher" | "admin" | "operator" => {
                (person(tenant, kind, &[kind]), Some(kind.to_owned()))
            }
            "tenant:admin" => (by_tenant(tenant, tenant), Some("owner".to_owned())),
            "key:publish" => (kept(node, tenant.id, &[KeyScope::Publish]).await, None),
            "key:read" => (kept(node, tenant.id, &[KeyScope::Read]).await, None),
            "key:admin" => (kept(node, tenant.id, &[KeyScope::Admin]).await, None),
            other => panic!("nobody is a {other}"),
        };
        // Nobody may have a token of a visitor's name.
        let named = user.as_deref().filter(|_| kind != "visitor");
        Self {
            kind,
            tenant,
            token,
            free: free(OWN, named.unwrap_or("somebody")),
            user,
        }
    }

    /// One of `FOREIGN` who has signed a token that names `OWN`.
    pub(super) fn forger() -> Self {
        Self {
            kind: "tenant:admin",
            tenant: FOREIGN,
            token: by_tenant(FOREIGN, OWN),
            free: free(OWN, "owner"),
            user: Some("owner".to_owned()),
        }
    }
}

/// A token that `signer` made for `tenant`, and that says more than a tenant may.
fn by_tenant(signer: Tenant, tenant: Tenant) -> String {
    let roles = ["admin", "operator"];
    let named = json!({"tenant": tenant.id, "sub": "owner", "projects": ["p1"], "roles": roles});
    hs256(signer.secret, &claims(named))
}

/// A token that takes part in `project:p1` alone.
pub(super) fn person(tenant: Tenant, user: &str, roles: &[&str]) -> String {
    let claims = json!({"tenant": tenant.id, "sub": user, "projects": ["p1"], "roles": roles});
    token(claims)
}

/// A token that may all that a tenant's may.
pub(super) fn free(tenant: Tenant, user: &str) -> String {
    let claims = json!({"tenant": tenant.id, "sub": user, "projects": "*", "roles": ["admin"]});
    token(claims)
}

async fn visitor(node: &Node, tenant: Tenant) -> (String, Option<String>) {
    let url = node.at("/api/auth/session");
    let body = json!({"tenant_hash": tenant.hash});
    let headers = [("origin", tenant.origin)];
    let made = request(Method::POST, &url, &headers, Some(&body)).await;
    let made = made.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("token"), Some(text("user_id")))
}
