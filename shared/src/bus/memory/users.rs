//! The users in one room.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use smallvec::SmallVec;

use crate::bus::presence::Present;
use crate::ids::{RunId, UserId};
use crate::protocol::data::Status;

/// The users in one room, by name. Most rooms are a user's own, with that one alone, and a
/// table for one takes as much memory as for eleven.
#[derive(Default)]
pub(super) enum Users {
    #[default]
    Nobody,
    One(UserId, There),
    Many(BTreeMap<UserId, There>),
}

/// A user in a room.
#[derive(Default)]
pub(super) struct There {
    pub(super) name: Option<Box<str>>,
    pub(super) status: Status,
    /// How many connections they have, by host: there is one in most installations of one
    /// process.
    connections: SmallVec<[(RunId, u32); 1]>,
}

impl There {
    pub(super) fn set_connections(&mut self, host: RunId, count: u32) {
        let mut known = self.connections.iter_mut();
        match known.find(|(known, _)| *known == host) {
            Some((_, known)) => *known = count,
            None => self.connections.push((host, count)),
        }
    }

    /// Forgets those of a host; whether there are none any more, which there were before.
    pub(super) fn end_connections(&mut self, host: RunId) -> bool {
        let before = self.connections.len();
        self.connections.retain(|(known, _)| *known != host);
        before > 0 && self.connections.is_empty()
    }

    pub(super) fn is_at(&self, host: RunId) -> bool {
        self.connections.iter().any(|(known, _)| *known == host)
    }

    fn present(&self, user: &UserId) -> Present {
        let counts = self.connections.iter().map(|(_, count)| u64::from(*count));
        Present {
            user: user.clone(),
            name: self.name.as_deref().map(str::to_owned),
            status: self.status,
            connections: counts.sum(),
        }
    }
}

impl Users {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::One(..) => 1,
            Self::Many(all) => all.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn has(&self, user: &UserId) -> bool {
        match self {
            Self::Nobody => false,
            Self::One(one, _) => one == user,
            Self::Many(all) => all.contains_key(user),
        }
    }

    pub(super) fn get_mut(&mut self, user: &UserId) -> Option<&mut There> {
        match self {
            Self::Nobody => None,
            Self::One(one, there) => (one == user).then_some(there),
            Self::Many(all) => all.get_mut(user),
        }
    }

    /// Notes that `user` is there, whoever was before.
    pub(super) fn add(&mut self, user: &UserId) {
        if self.has(user) {
            return;
        }
        *self = match std::mem::take(self) {
            Self::Nobody => Self::One(user.clone(), There::default()),
            Self::One(one, there) => {
                let both = [(one, there), (user.clone(), There::default())];
                Self::Many(BTreeMap::from(both))
            }
            Self::Many(mut all) => {
                all.insert(user.clone(), There::default());
                Self::Many(all)
            }
        };
    }

    pub(super) fn remove(&mut self, user: &UserId) {
        match self {
            Self::One(one, _) if one == user => *self = Self::Nobody,
            Self::Nobody | Self::One(..) => {}
            Self::Many(all) => {
                all.remove(user);
            }
        }
    }

    /// Those who come after `after`, in order.
    pub(super) fn after(&self, after: Option<&UserId>) -> impl Iterator<Item = (&UserId, &There)> {
        let (one, all) = match self {
            Self::Nobody => (None, None),
            Self::One(one, there) => (Some((one, there)), None),
            Self::Many(all) => {
                let beyond = (after.map_or(Unbounded, Excluded), Unbounded);
                (None, Some(all.range::<UserId, _>(beyond)))
            }
        };
        let one = one.filter(|(one, _)| after.is_none_or(|after| *one > after));
        one.into_iter().chain(all.into_iter().flatten())
    }

    /// The same as others are told it.
    pub(super) fn present(&self, after: Option<&UserId>, limit: usize) -> Vec<Present> {
        let wanted = self.after(after).take(limit);
        wanted.map(|(user, there)| there.present(user)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<UserId> {
        names
            .iter()
            .map(|name| UserId::new(name).unwrap())
            .collect()
    }

    /// Whatever they are kept in.
    #[test]
    fn users_come_and_go_and_are_told_in_order() {
        let host = RunId::generate();
        let all = named(&["c", "a", "b"]);
        let mut users = Users::default();
        for (count, user) in (1..).zip(&all) {
            users.add(user);
            users.add(user);
            users.get_mut(user).unwrap().set_connections(host, count);
            assert_eq!(users.len(), count as usize);
            assert!(users.has(user));
        }
        let told = |users: &Users, after: Option<&str>, limit: usize| -> Vec<_> {
            let after = after.map(|name| UserId::new(name).unwrap());
            let present = users.present(after.as_ref(), limit).into_iter();
            present.map(|one| (one.user, one.connections)).collect()
        };
        let [c, a, b] = <[UserId; 3]>::try_from(all).unwrap();
        assert_eq!(told(&users, None, 2), [(a.clone(), 2), (b.clone(), 3)]);
        assert_eq!(told(&users, Some("b"), 2), [(c.clone(), 1)]);
        users.remove(&a);
        users.remove(&c);
        assert_eq!(told(&users, None, 9), [(b.clone(), 3)]);
        assert_eq!(told(&users, Some("b"), 9), []);
        users.remove(&b);
        assert!(users.is_empty() && !users.has(&b));
    }

    /// There is one for each user who is connected.
    #[test]
    fn a_room_of_one_is_small() {
        assert!(size_of::<Users>() <= 80, "{}", size_of::<Users>());
        assert_eq!(size_of::<Users>(), size_of::<(UserId, There)>());
    }

    #[test]
    fn one_is_there_until_the_last_of_their_hosts_has_none() {
        let [one, another] = [RunId::generate(), RunId::generate()];
        let mut there = There::default();
        assert!(!there.end_connections(one), "there were none");
        there.set_connections(one, 2);
        there.set_connections(another, 1);
        assert!(!there.end_connections(one) && !there.is_at(one));
        assert!(there.end_connections(another));
    }
}
