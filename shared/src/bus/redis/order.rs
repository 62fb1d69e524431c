//! Orders to gateways, and the revocations among them.

use serde::Serialize;

use super::args::Args;
use super::script::{ORDER, REVOKED, STATUS as STATUS_SCRIPT, Script};
use super::{RedisBus, events, millis, nothing};
use crate::bus::BusError;
use crate::bus::order::{Order, Revocation, Revocations, room_of};
use crate::ids::{TenantId, UserId};
use crate::protocol::data::Status;
use crate::room::{Room, RoomKey};

const REVOKE: &str = "revoke";
const DISCONNECT: &str = "disconnect";
const STATUS: &str = "status";
const INQUIRE: &str = "inquire";
const ANSWER: &str = "answer";
const SURVEY: &str = "survey";
const FOUND: &str = "found";

impl RedisBus {
    pub(super) async fn give_order(&self, order: &Order) -> Result<(), BusError> {
        let args = Args::default().text(&message(order)?);
        let (script, args): (&Script, _) = match order {
            Order::Revoke(Revocation {
                tenant,
                user,
                until_ms,
            }) => {
                let args = args.shown(room_of(tenant, user)).number(*until_ms);
                (&ORDER, args.number(millis(self.retention.revocations)))
            }
            Order::Status {
                tenant,
                user,
                status,
            } => {
                let args = args.shown(room_of(tenant, user)).text(user.as_str());
                (&STATUS_SCRIPT, args.text(status.as_str()))
            }
            Order::Disconnect { .. }
            | Order::Inquire(_)
            | Order::Answer(_)
            | Order::Survey(_)
            | Order::Found(_) => (&ORDER, args),
        };
        let answer = self.pool.run(order.partition(), script, args).await?;
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

/// An order as it is published: `revoke R ms`, `disconnect R 0`, `status R` and the status,
/// or `inquire`, `answer`, `survey` or `found` and JSON.
fn message(order: &Order) -> Result<String, BusError> {
    Ok(match order {
        Order::Revoke(Revocation {
            tenant,
            user,
            until_ms,
        }) => format!("{REVOKE} {} {until_ms}", room_of(tenant, user)),
        Order::Disconnect { tenant, user } => format!("{DISCONNECT} {} 0", room_of(tenant, user)),
        Order::Status {
            tenant,
            user,
            status,
        } => format!("{STATUS} {} {}", room_of(tenant, user), status.as_str()),
        Order::Inquire(inquiry) => with_json(INQUIRE, inquiry)?,
        Order::Answer(answer) => with_json(ANSWER, answer)?,
        Order::Survey(survey) => with_json(SURVEY, survey)?,
        Order::Found(found) => with_json(FOUND, found)?,
    })
}

fn with_json(what: &str, told: &impl Serialize) -> Result<String, BusError> {
    // Of our own types, which all have a form in JSON.
    let json = serde_json::to_string(told);
    let json = json.map_err(|error| BusError::Unreadable(error.to_string()))?;
    Ok(format!("{what} {json}"))
}

/// Reads an order as it is published. One of a later version is passed over.
pub(super) fn read(message: &[u8]) -> Option<Order> {
    let (what, rest) = std::str::from_utf8(message).ok()?.split_once(' ')?;
    match what {
        REVOKE => {
            let (user, until_ms) = rest.split_once(' ')?;
            revocation(user, until_ms).map(Order::Revoke)
        }
        DISCONNECT => {
            let (user, _) = rest.split_once(' ')?;
            let (tenant, user) = user_of(user)?;
            Some(Order::Disconnect { tenant, user })
        }
        STATUS => {
            let (user, status) = rest.split_once(' ')?;
            let (tenant, user) = user_of(user)?;
            let status = Status::named(status)?;
            Some(Order::Status {
                tenant,
                user,
                status,
            })
        }
        INQUIRE => serde_json::from_str(rest).ok().map(Order::Inquire),
        ANSWER => serde_json::from_str(rest).ok().map(Order::Answer),
        SURVEY => serde_json::from_str(rest).ok().map(Order::Survey),
        FOUND => serde_json::from_str(rest).ok().map(Order::Found),
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
