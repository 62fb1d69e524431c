//! `authenticate`: a new token for a live connection.

use std::sync::Arc;

use causerie_shared::protocol::error::{ErrorCode, ProtocolError};

use super::Caller;
use super::subscribe::unsubscribed;
use crate::audit::What;
use crate::auth::Auth;
use crate::connection::Connection;
use crate::events;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::orders::end_if_revoked;
use crate::permission::Act;
use crate::presence::Leaving;

/// Lets the connection go on under `token`. Rooms that it does not allow are left. Over
/// HTTP, where there is no connection, this only tells whether the token would do.
///
/// # Errors
/// `unauthorized` where the token is not believed, `forbidden` where it is another
/// user's. The connection goes on as it was.
pub(super) async fn authenticate(
    gateway: &Gateway,
    caller: &Caller,
    token: &str,
) -> Result<(), ProtocolError> {
    let renewed = renew(gateway, caller, token).await;
    events::token_renewed(renewed.is_ok());
    renewed
}

async fn renew(gateway: &Gateway, caller: &Caller, token: &str) -> Result<(), ProtocolError> {
    let auth = gateway.auth().ok_or_else(|| {
        let content = "This node believes no tokens yet: try again.";
        ProtocolError::new(ErrorCode::Overloaded, content)
    })?;
    let believed = believe(auth, caller, token).await;
    let identity = believed.map_err(|(error, reason)| {
        gateway.note(|| caller.note(What::Refuse).failed(reason));
        error
    })?;
    if let Some(connection) = &caller.connection {
        go_on(gateway, connection, identity).await;
        end_if_revoked(auth, connection);
    }
    Ok(())
}

/// Who `token` speaks for; else why not, and a word for the audit log.
async fn believe(
    auth: &Auth,
    caller: &Caller,
    token: &str,
) -> Result<Identity, (ProtocolError, &'static str)> {
    let verified = auth.verify(token).await.map_err(|error| {
        let reason = error.reason();
        (error.into(), reason)
    })?;
    let (new, old) = (verified.identity, &caller.identity);
    if (&new.tenant, &new.user) != (&old.tenant, &old.user) {
        let content = "The token is another user's: connect anew with it.";
        let error = ProtocolError::new(ErrorCode::Forbidden, content);
        return Err((error, "token_user"));
    }
    Ok(new)
}

async fn go_on(gateway: &Gateway, connection: &Connection, identity: Identity) {
    let identity = Arc::new(identity);
    let is_renamed = connection.identity().name != identity.name;
    connection.renew(Arc::clone(&identity));
    for room in connection.rooms() {
        if !identity.may(Act::Hear, &room) && connection.leave(&room).await {
            connection.outbox.push(&unsubscribed(&room));
            gateway.presence.touch(&identity, [room], Leaving::ForGood);
        }
    }
    if is_renamed {
        let rooms = connection.rooms();
        gateway.presence.touch(&identity, rooms, Leaving::Perhaps);
    }
}
