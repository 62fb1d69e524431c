//! What a client says: which words, where, and under which id.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::Person;
use crate::ledger::{ClientEvent, IfBusy};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The client's own id of it.
    pub(super) id: String,
    pub(super) room: String,
    pub(super) session: String,
    pub(super) ai: bool,
    pub(super) if_busy: IfBusy,
    pub(super) text: String,
}

/// What makes a message long, in bytes.
const LENGTH: usize = 12 << 10;

impl Message {
    pub(super) fn frame(&self, at_length: bool) -> Value {
        // One's own room has a short name, too.
        let is_own = self.room.starts_with("user:");
        let note = "-".repeat(if at_length { LENGTH } else { 0 });
        json!({"action": "sendMessage", "id": self.id, "data": {
            "user_input": self.text, "ai": self.ai, "session_id": self.session,
            "if_busy": self.if_busy,
            "room": if is_own { "user:me" } else { &self.room },
            "metadata": {"note": note},
        }})
    }

    pub(super) fn sent(&self) -> ClientEvent {
        ClientEvent::Sent {
            id: self.id.clone(),
            room: self.room.clone(),
            session: Some(self.session.clone()),
            text: self.text.clone(),
            ai: self.ai,
            if_busy: self.if_busy,
        }
    }
}

/// The ids of what all devices of a user say.
const OF_ALL: &str = "all-";

/// What a client says. Ids are as little unique as the protocol allows: they
/// count within a room and a user.
#[derive(Debug)]
pub(super) struct Sayings {
    person: Person,
    said: u64,
    /// How many both devices of the user say.
    shared: u64,
    /// Where ids were used.
    used: BTreeMap<String, Vec<String>>,
    /// An id under which nothing is on its way.
    free: Option<String>,
}

impl Sayings {
    pub(super) fn new(person: Person) -> Self {
        Self {
            person,
            said: 0,
            shared: 0,
            used: BTreeMap::new(),
            free: None,
        }
    }

    /// Something new.
    pub(super) fn next(&mut self, dice: &mut StdRng) -> Message {
        match dice.random_range(0..10) {
            0..=1 => self.shared(),
            2..=3 => self.under_a_used_id(dice),
            _ => self.fresh(dice),
        }
    }

    /// A message is stored, and was sent only once: nothing comes any more
    /// that could be taken for an answer to another one of its id.
    pub(super) fn is_free(&mut self, message: &Message) {
        if !message.id.starts_with(OF_ALL) {
            self.free = Some(message.id.clone());
        }
    }

    /// What the user wrote once, and each of its devices sends. The user's own
    /// room is the one that all of them are in.
    fn shared(&mut self) -> Message {
        self.shared += 1;
        let number = self.shared;
        let room = self.rooms().pop().unwrap_or_default();
        let text = format!("of all devices: message {number}");
        let ai = !number.is_multiple_of(3);
        self.message(format!("{OF_ALL}{number}"), room, ai, &text)
    }

    fn under_a_used_id(&mut self, dice: &mut StdRng) -> Message {
        let free = self.free.take().and_then(|id| {
            let used = self.used.get(&id)?;
            let room = self.rooms().into_iter().find(|room| !used.contains(room))?;
            Some((id, room))
        });
        match free {
            Some((id, room)) => self.own(id, room, dice),
            None => self.fresh(dice),
        }
    }

    fn fresh(&mut self, dice: &mut StdRng) -> Message {
        let rooms = self.rooms();
        // Half of the time in a room of one's own.
        let at = dice.random_range(0..(rooms.len() * 2 - 2).max(1));
        let room = rooms.get(at).or(rooms.last()).cloned().unwrap_or_default();
        let id = format!("{}-{}", self.person.device, self.said + 1);
        self.own(id, room, dice)
    }

    fn own(&mut self, id: String, room: String, dice: &mut StdRng) -> Message {
        self.said += 1;
        let used = self.used.entry(id.clone()).or_default();
        used.push(room.clone());
        let text = format!("of {}: message {}", self.person.number, self.said);
        let message = self.message(id, room, dice.random_bool(0.7), &text);
        Message {
            if_busy: match dice.random_range(0..10) {
                0 => IfBusy::Reject,
                1 => IfBusy::Interrupt,
                _ => IfBusy::Queue,
            },
            ..message
        }
    }

    fn message(&self, id: String, room: String, ai: bool, text: &str) -> Message {
        let Person { tenant, user, .. } = &self.person;
        Message {
            id,
            session: format!("s-{user}-{}", room.replace(':', "-")),
            room,
            ai,
            if_busy: IfBusy::Queue,
            // No two messages of a run say the same: so one that is stored
            // twice is seen.
            text: format!("{tenant}/{user} {text}"),
        }
    }

    /// One of those where it speaks.
    pub(super) fn some_room(&self, dice: &mut StdRng) -> String {
        let mut rooms = self.rooms();
        rooms.swap_remove(dice.random_range(0..rooms.len()))
    }

    /// Where it speaks: its own room last.
    fn rooms(&self) -> Vec<String> {
        let own = format!("user:{}", self.person.user);
        let rooms = self.person.rooms.iter().cloned();
        rooms.chain([own]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::time::Duration;

    use rand::SeedableRng;

    use super::*;

    fn sayings(number: u32, user: &str, device: u32) -> Sayings {
        Sayings::new(Person {
            number,
            tenant: "acme".into(),
            user: user.into(),
            device,
            token: String::new(),
            rooms: vec![format!("project:p{device}")],
            doors: [].into(),
            pace: Duration::ZERO,
        })
    }

    /// What each of four people says, with all of it stored a little later.
    fn talk() -> Vec<(&'static str, Message)> {
        let mut dice = StdRng::seed_from_u64(1);
        let mut said = Vec::new();
        for (number, (user, device)) in [("u1", 0), ("u1", 1), ("u2", 0), ("u2", 1)]
            .into_iter()
            .enumerate()
        {
            let mut sayings = sayings(number as u32, user, device);
            for _ in 0..50 {
                let messages = [sayings.next(&mut dice), sayings.next(&mut dice)];
                messages.iter().for_each(|message| sayings.is_free(message));
                said.extend(messages.map(|message| (user, message)));
            }
        }
        said
    }

    #[test]
    fn one_thing_only_is_said_under_an_id_in_a_room_and_in_one_room_only() {
        let mut texts: HashMap<_, Vec<_>> = HashMap::new();
        let mut names: HashMap<_, HashSet<_>> = HashMap::new();
        for (user, Message { id, room, text, .. }) in talk() {
            let name = (user, id, room);
            names.entry(text.clone()).or_default().insert(name.clone());
            texts.entry(name).or_default().push(text);
        }
        for said in texts.values() {
            assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
        }
        for (text, names) in names {
            assert_eq!(names.len(), 1, "{text}: {names:?}");
        }
        let repeats = texts.values().filter(|said| said.len() > 1).count();
        assert!(repeats > 10, "both devices say the same: {repeats}");
    }

    #[test]
    fn ids_are_used_in_other_rooms_and_by_other_users() {
        let mut uses: HashMap<_, Vec<_>> = HashMap::new();
        for (user, message) in talk() {
            uses.entry(message.id)
                .or_default()
                .push((user, message.room));
        }
        let by_both = |uses: &&Vec<(&str, String)>| {
            let of = |user| {
                uses.iter()
                    .find(|(by, room)| *by == user && room == "project:p0")
            };
            of("u1").is_some() && of("u2").is_some()
        };
        assert!(uses.values().filter(by_both).count() > 10);
        let in_both = |uses: &&Vec<(&str, String)>| {
            let of = |at: &str| uses.iter().any(|(by, room)| *by == "u1" && room == at);
            of("project:p0") && of("user:u1")
        };
        assert!(uses.values().filter(in_both).count() > 10);
    }
}
