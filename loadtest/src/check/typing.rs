//! Whether people are shown typing for no longer than they type.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Broken, Faults, Verdict, Who};
use crate::ledger::{ClientEvent, ClientNumber};

/// How long somebody may be shown typing without another sign, in microseconds:
/// three seconds, after which a gateway ends it, and two to get there.
const SHOWN_FOR_US: u64 = 5_000_000;

/// How long after a fault of doors somebody still hears what these held back, in
/// microseconds. Of that signs of typing may be missing: who reads too slowly is sent
/// fewer of them, and takes one that no other follows as over.
const HELD_BACK_US: u64 = 1_000_000;

/// To whom who is shown typing: client, room and user.
type Key = (ClientNumber, String, String);

/// Who was shown typing to whom.
#[derive(Debug, Default)]
pub(super) struct Typing {
    shown: BTreeMap<Key, Shown>,
    too_long: Vec<Shown>,
}

/// Somebody was shown typing, since the last sign of it.
#[derive(Debug)]
struct Shown {
    since: u64,
    to: Arc<Who>,
    /// Who types where.
    says: String,
}

impl Typing {
    pub(super) fn on_event(
        &mut self,
        at: u64,
        who: &Arc<Who>,
        event: &ClientEvent,
        verdict: &mut Verdict,
    ) {
        if let ClientEvent::Typing {
            room,
            user: Some(user),
            is_typing,
        } = event
        {
            let says = format!("{room}: {user} types");
            if *user == who.user {
                let says = format!("{who}: {says}: is shown itself");
                verdict.broken(Broken::WrongPlace, at, says);
            }
            let key = (who.client, room.clone(), user.clone());
            self.end(at, &key);
            if *is_typing {
                let to = Arc::clone(who);
                let since = at;
                self.shown.insert(key, Shown { since, to, says });
            }
        } else if let ClientEvent::Closed { .. } = event {
            self.end_all(at, |client, _| client == who.client);
        } else if let ClientEvent::Left { room: left } = event {
            self.end_all(at, |client, room| client == who.client && room == left);
        }
    }

    fn end_all(&mut self, at: u64, is_over: impl Fn(ClientNumber, &str) -> bool) {
        let shown = self.shown.keys();
        let over = shown.filter(|(client, room, _)| is_over(*client, room));
        for key in over.cloned().collect::<Vec<_>>() {
            self.end(at, &key);
        }
    }

    fn end(&mut self, at: u64, key: &Key) {
        let shown = self.shown.remove(key);
        self.too_long
            .extend(shown.filter(|shown| shown.is_too_long(at)));
    }

    pub(super) fn finish(&self, faults: &Faults, verdict: &mut Verdict) {
        for Shown { since, to, says } in self.too_long.iter().chain(self.shown.values()) {
            // A gateway that dies ends nothing, and its end may be lost on the way.
            let is_parted = faults.may_have_parted_people(*since, since + SHOWN_FOR_US);
            let held_since = since.saturating_sub(HELD_BACK_US);
            if !is_parted && !faults.may_have_spoilt_doors(held_since, *since) {
                let says = format!("{to}: {says} for too long");
                verdict.broken(Broken::LeftTyping, *since, says);
            }
        }
    }
}

impl Shown {
    fn is_too_long(&self, at: u64) -> bool {
        at - self.since > SHOWN_FOR_US
    }
}
