//! Those who try: of each kind one, of a tenant.

use causerie_shared::api_key::KeyScope;
use causerie_testkit::client::http::request;
use reqwest::Method;
use serde_json::json;

use crate::api_keys::kept;
use crate::support::node::{Node, token};

/// A tenant of the test's configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant {
    pub(super) id: &'static str,
    pub(super) hash: &'static str,
    pub(super) origin: &'static str,
}

pub(super) const OWN: Tenant = Tenant {
    id: "acme",
    hash: "h-acme",
    origin: "https://acme.example",
};

pub(super) const FOREIGN: Tenant = Tenant {
    id: "other",
    hash: "h-other",
    origin: "https://other.example",
};

/// The columns of the table.
pub(super) const KINDS: [&str; 8] = [
    "visitor",
    "user",
    "publisher",
    "admin",
    "operator",
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
    pub(super) async fn new(node: &Node, tenant: Tenant, kind: &'static str) -> Self {
        let (token, user) = match kind {
            "visitor" => visitor(node, tenant).await,
            "user" => (person(tenant, kind, &[]), Some(kind.to_owned())),
            "publisher" | "admin" | "operator" => {
                (person(tenant, kind, &[kind]), Some(kind.to_owned()))
            }
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
}

/// A token that takes part in `project:p1` alone.
fn person(tenant: Tenant, user: &str, roles: &[&str]) -> String {
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
