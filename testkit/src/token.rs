//! Tokens as a customer's own server would make them, with none of our code.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// A token that is going to be signed with HS256. Valid for an hour, for one
/// user of one tenant, without projects and roles, unless told.
#[derive(Debug, Clone)]
#[must_use]
pub struct Token {
    claims: Value,
}

impl Token {
    /// For this user.
    pub fn of(tenant: &str, user: &str) -> Self {
        let claims = json!({"tenant": tenant, "sub": user, "projects": [], "roles": []});
        Self { claims }.valid_for(Duration::from_secs(3600))
    }

    /// Lets the user into a project.
    pub fn project(mut self, id: &str) -> Self {
        self.push("projects", id);
        self
    }

    /// Gives the user a role.
    pub fn role(mut self, name: &str) -> Self {
        self.push("roles", name);
        self
    }

    /// Ends so much later.
    pub fn valid_for(self, time: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let end = now.expect("the clock is right") + time;
        self.claim("exp", json!(end.as_secs()))
    }

    /// Sets any claim.
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    /// The JWT.
    ///
    /// # Panics
    /// Never, for a claim that is JSON.
    pub fn sign(&self, secret: &str) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &self.claims, &key)
            .expect("claims can be signed")
    }

    fn push(&mut self, claim: &str, value: &str) {
        let list = self.claims[claim].as_array_mut().expect("a list");
        list.push(json!(value));
    }
}
