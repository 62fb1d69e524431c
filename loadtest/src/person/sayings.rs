//! What a client says: which words, where, and under which id.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::Person;
use crate::ledger::ClientEvent;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The client's own id of it.
    pub(super) id: String,
    pub(super) room: String,
    pub(super) session: String,
    pub(super) ai: bool,
    pub(super) text: String,
}

impl Message {
    pub(super) fn frame(&self) -> Value {
        // One's own room has a short name, too.
        let is_own = self.room.starts_with("user:");
        json!({"action": "sendMessage", "id": self.id, "data": {
            "user_input": self.text, "ai": self.ai, "session_id": self.session,
            "room": if is_own { "user:me" } else { &self.room },
        }})
    }

    pub(super) fn sent(&self) -> ClientEvent {
        ClientEvent::Sent {
            id: self.id.clone(),
            room: self.room.clone(),
            text: self.text.clone(),
            ai: self.ai,
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
    /// An id that was used up in one room, and so is free in others.
    used: Option<(String, Vec<String>)>,
}

impl Sayings {
    pub(super) fn new(person: Person) -> Self {
        Self {
            person,
            said: 0,
            shared: 0,
            used: None,
        }
    }

    /// Something new.
    pub(super) fn next(&mut self, dice: &mut StdRng) -> Message {
        match dice.random_range(0..10) {
            0 => self.shared(),
            1..=3 => self.under_a_used_id(dice),
            _ => self.fresh(dice),
        }
    }

    /// A message is stored, and was sent only once: nothing comes any more
    /// that could be taken for an answer to another one of its id.
    pub(super) fn is_free(&mut self, message: &Message) {
        if message.id.starts_with(OF_ALL) {
            return;
        }
        match &mut self.used {
            Some((id, rooms)) if *id == message.id => rooms.push(message.room.clone()),
            Some(_) | None => self.used = Some((message.id.clone(), vec![message.room.clone()])),
        }
    }

    /// What the user wrote once, and each of its devices sends.
    fn shared(&mut self) -> Message {
        self.shared += 1;
        let number = self.shared;
        let rooms = self.rooms();
        let at = usize::try_from(number).unwrap_or(0) % rooms.len();
        let text = format!("of all devices: message {number}");
        let room = rooms.get(at).cloned().unwrap_or_default();
        self.message(
            format!("{OF_ALL}{number}"),
            room,
            !number.is_multiple_of(3),
            &text,
        )
    }

    fn under_a_used_id(&mut self, dice: &mut StdRng) -> Message {
        let free = self.used.as_ref().and_then(|(id, used)| {
            let room = self.rooms().into_iter().find(|room| !used.contains(room))?;
            Some((id.clone(), room))
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
        let text = format!("of {}: message {}", self.person.number, self.said);
        self.message(id, room, dice.random_bool(0.7), &text)
    }

    fn message(&self, id: String, room: String, ai: bool, text: &str) -> Message {
        let Person { tenant, user, .. } = &self.person;
        Message {
            id,
            session: format!("s-{user}-{}", room.replace(':', "-")),
            room,
            ai,
            // No two messages of a run say the same: so one that is stored
            // twice is seen.
            text: format!("{tenant}/{user} {text}"),
        }
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
    use std::collections::HashMap;
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
            rooms: vec!["project:p1".into()],
            doors: [].into(),
            pace: Duration::ZERO,
        })
    }

    /// What each of four people says, with all of it stored.
    fn talk() -> Vec<(&'static str, Message)> {
        let mut dice = StdRng::seed_from_u64(1);
        let mut said = Vec::new();
        for (number, (user, device)) in [("u1", 0), ("u1", 1), ("u2", 0), ("u2", 1)]
            .into_iter()
            .enumerate()
        {
            let mut sayings = sayings(number as u32, user, device);
            for _ in 0..100 {
                let message = sayings.next(&mut dice);
                sayings.is_free(&message);
                said.push((user, message));
            }
        }
        said
    }

    #[test]
    fn a_user_says_one_thing_only_under_an_id_in_a_room() {
        let mut texts: HashMap<_, Vec<_>> = HashMap::new();
        for (user, Message { id, room, text, .. }) in talk() {
            texts.entry((user, id, room)).or_default().push(text);
        }
        for said in texts.values() {
            assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
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
                    .find(|(by, room)| *by == user && room == "project:p1")
            };
            of("u1").is_some() && of("u2").is_some()
        };
        assert!(uses.values().filter(by_both).count() > 10);
        let in_both = |uses: &&Vec<(&str, String)>| {
            let of = |at: &str| uses.iter().any(|(by, room)| *by == "u1" && room == at);
            of("project:p1") && of("user:u1")
        };
        assert!(uses.values().filter(in_both).count() > 10);
    }
}
