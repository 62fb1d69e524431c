//! The names under which this gateway tells who is here.

use std::collections::{BTreeMap, BTreeSet};

use causerie_shared::ids::RunId;
use causerie_shared::room::Partition;

/// The name of each partition. Where one is gone another takes its place, and all is told
/// anew under that one; what was told under the former the gateways take back, for it shows
/// no life.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    names: BTreeMap<Partition, Name>,
    /// Partitions in which all is to be told anew.
    renewed: BTreeSet<Partition>,
    /// Partitions that did not answer when they were told something or looked at. Nothing is
    /// told there until they answer a look: one that hangs holds up those that are asked
    /// together with it.
    silent: BTreeSet<Partition>,
    /// Those of them in which all is told anew then.
    given_up: BTreeSet<Partition>,
}

#[derive(Debug)]
pub(super) struct Name {
    pub(super) id: RunId,
    /// Whether the bus knows it.
    pub(super) is_known: bool,
    /// The life of the storage in which it was first shown to live.
    life: Option<String>,
}

impl Hosts {
    /// The name in `partition`.
    pub(super) fn of(&mut self, partition: Partition) -> &mut Name {
        self.names.entry(partition).or_insert_with(|| Name {
            id: RunId::generate(),
            is_known: false,
            life: None,
        })
    }

    /// The name in `partition`, where the bus knows it.
    pub(super) fn known(&self, partition: Partition) -> Option<RunId> {
        let name = self.names.get(&partition).filter(|name| name.is_known)?;
        Some(name.id)
    }

    /// Notes how the storage names its data; whether that is as it was.
    pub(super) fn is_same_life(&mut self, partition: Partition, life: &str) -> bool {
        let name = self.of(partition);
        let before = name.life.get_or_insert_with(|| life.to_owned());
        *before == life
    }

    /// Goes on under another name in `partition`, where all is told anew.
    pub(super) fn renew(&mut self, partition: Partition) {
        self.names.remove(&partition);
        self.renewed.insert(partition);
    }

    pub(super) fn has_renewed(&self) -> bool {
        !self.renewed.is_empty()
    }

    /// The partitions in which all is to be told anew.
    pub(super) fn take_renewed(&mut self) -> BTreeSet<Partition> {
        std::mem::take(&mut self.renewed)
    }

    /// Notes that `partition` does not answer.
    pub(super) fn note_silent(&mut self, partition: Partition) {
        self.silent.insert(partition);
    }

    /// Tells all anew in `partition`, which is silent, once it answers.
    pub(super) fn give_up(&mut self, partition: Partition) {
        self.given_up.insert(partition);
    }

    pub(super) fn is_silent(&self, partition: Partition) -> bool {
        self.silent.contains(&partition)
    }

    pub(super) fn has_given_up(&self, partition: Partition) -> bool {
        self.given_up.contains(&partition)
    }

    /// Notes that `partition` answers; whether all is told anew there for that.
    pub(super) fn note_answer(&mut self, partition: Partition) -> bool {
        self.silent.remove(&partition);
        let was_given_up = self.given_up.remove(&partition);
        if was_given_up {
            self.renew(partition);
        }
        was_given_up
    }
}
