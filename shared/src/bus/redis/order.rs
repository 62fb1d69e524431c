//! Orders to gateways, and the revocations among them.

use super::args::Args;
use super::script::{ORDER, REVOKED};
use super::{RedisBus, events, millis, nothing};
use crate::bus::BusError;
use crate::bus::order::{Order, Revocation, Revocations};
use crate::ids::{TenantId, UserId};
use crate::room::{Room, RoomKey};

const REVOKE: &str = "revoke";
const DISCONNECT: &str = "disconnect";

impl RedisBus {
    pub(super) async fn give_order(&self, order: &Order) -> Result<(), BusError> {
        let room = order.room();
        let (what, until_ms) = match order {
            Order::Revoke(revocation) => (REVOKE, revocation.until_ms),
            Order::Disconnect { .. } => (DISCONNECT, 0),
        };
        let args = Args::default()
            .text(what)
            .shown(&room)
            .number(until_ms)
            .number(millis(self.retention.revocations));
        let answer = self.pool.run(room.partition(), &ORDER, args).await?;
        answer.map(|_| ()).ok_or_else(|| nothing("order"))
    }

    pub(super) async fn kept_revocations(&self, since_ms: u64) -> Result<Revocations, BusError> {
        let since = Args::default().number(since_ms);
        let (answers, failed) = self.of_partitions_that_answer(&REVOKED, &since).await?;
        let mut found = Vec::new();
        for (_, answer) in answers {
            let kept = answer.rest(|answer| Ok((answer.text()?, answer.text()?)))?;
            found.extend(kept.iter().filter_map(|(user, until_ms)| {
                let read = revocation(user, until_ms);
                if read.is_none() {
                    events::entry_unreadable("revoked", user);
                }
                read
            }));
        }
        Ok(Revocations {
            found,
            are_all: failed.is_none(),
        })
    }
}

/// `revoke R ms` or `disconnect R 0`, as it is published.
pub(super) fn read(message: &[u8]) -> Option<Order> {
    let mut words = std::str::from_utf8(message).ok()?.split(' ');
    match (words.next()?, words.next()?, words.next()?) {
        (REVOKE, user, until_ms) => revocation(user, until_ms).map(Order::Revoke),
        (DISCONNECT, user, _) => {
            let (tenant, user) = user_of(user)?;
            Some(Order::Disconnect { tenant, user })
        }
        _ => None,
    }
}

fn revocation(user: &str, until_ms: &str) -> Option<Revocation> {
    let (tenant, user) = user_of(user)?;
    Some(Revocation {
        tenant,
        user,
        until_ms: until_ms.parse().ok()?,
    })
}

/// The user whose room it is.
fn user_of(room: &str) -> Option<(TenantId, UserId)> {
    let RoomKey { tenant, room } = room.parse().ok()?;
    match room {
        Room::User(user) => Some((tenant, user)),
        Room::Tenant | Room::Project(_) => None,
    }
}
