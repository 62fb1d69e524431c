//! With what somebody was let in who has no connection that would be closed.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::protocol::error::ProtocolError;
use tokio::time::interval;

use super::{Auth, TokenError};
use crate::identity::Identity;

/// How often it is looked at whether it was revoked: it is to be noticed within a second.
const LOOK: Duration = Duration::from_millis(500);

/// The token that somebody was let in with, which may be revoked while they are answered.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) auth: Arc<Auth>,
    pub(crate) identity: Identity,
}

impl Credential {
    /// Comes when it is revoked.
    pub(crate) async fn revoked(&self) -> ProtocolError {
        let mut looks = interval(LOOK);
        while !self.auth.revoked().has(&self.identity) {
            looks.tick().await;
        }
        TokenError::Revoked(Box::new(self.identity.clone())).into()
    }
}
