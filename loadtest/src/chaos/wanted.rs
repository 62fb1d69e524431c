//! What a run is to do. The folder of its ledgers says it too, so that an
//! interrupted run goes on as it began.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::fault::Kind;
use super::plan::Faults;
use crate::ledger;

/// What the folder's file is called.
const FILE: &str = "run.json";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What the plan is made from.
    pub seed: u64,
    /// How often each kind of fault strikes.
    pub times: usize,
    /// How many people talk.
    pub people: usize,
    /// How many rounds at the same time, where nobody says otherwise: what is found is
    /// the same.
    #[serde(default = "one_by_one")]
    pub together: usize,
    /// The names of the kinds.
    pub kinds: Vec<String>,
    /// Whether the programs are optimised.
    pub release: bool,
    /// Of which commit they are.
    pub commit: String,
}

const fn one_by_one() -> usize {
    1
}

impl Wanted {
    /// What the ledgers in a folder are of; none where it does not say.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_folder(folder: &Path) -> anyhow::Result<Option<Self>> {
        let file = folder.join(FILE);
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.with_context(|| format!("reading {}", file.display()))?,
        };
        let wanted = serde_json::from_str(&text);
        wanted
            .map(Some)
            .with_context(|| format!("{} is damaged: name another folder", file.display()))
    }

    /// Says in a folder what its ledgers are of.
    ///
    /// # Errors
    /// They are of something else, or it cannot be written.
    pub fn claim(&self, folder: &Path) -> anyhow::Result<()> {
        if let Some(there) = Self::of_folder(folder)? {
            let differs = self.differs_from(&there);
            ensure!(
                differs.is_empty(),
                "{} is of another run: {}. To go on with that one, at its commit: {}. For this \
                 one name another folder",
                folder.display(),
                differs.join(", "),
                there.command(Some(folder))
            );
            return Ok(());
        }
        let holds_ledgers = folder.join("round-1.jsonl").exists();
        ensure!(
            !holds_ledgers,
            "{} holds ledgers and does not say what they are of: name another folder, or judge \
             them with --check",
            folder.display()
        );
        let file = folder.join(FILE);
        fs::write(&file, serde_json::to_vec(self)?)
            .with_context(|| format!("writing {}", file.display()))
    }

    fn differs_from(&self, there: &Self) -> Vec<String> {
        let differing = [
            ("--seed", self.seed.to_string(), there.seed.to_string()),
            ("--times", self.times.to_string(), there.times.to_string()),
            (
                "--people",
                self.people.to_string(),
                there.people.to_string(),
            ),
            ("--kinds", self.kinds.join(","), there.kinds.join(",")),
            (
                "--release",
                self.release.to_string(),
                there.release.to_string(),
            ),
            ("commit", self.commit.clone(), there.commit.clone()),
        ];
        let differing = differing
            .into_iter()
            .filter(|(_, here, there)| here != there);
        let says = differing.map(|(what, here, there)| format!("{what} {there} there, {here} now"));
        says.collect()
    }

    /// What is to be done in a round, counted from 0.
    pub fn round(&self, number: usize, faults: &Faults) -> ledger::Round {
        let kinds = faults.kinds.iter().map(|kind| kind.name().to_owned());
        ledger::Round {
            // Seeds beside each other share no round.
            seed: StdRng::seed_from_u64(self.seed)
                .random_iter()
                .nth(number)
                .unwrap_or_default(),
            people: self.people,
            faults: kinds.collect(),
            commit: self.commit.clone(),
        }
    }

    /// Whether all kinds of faults strike.
    pub fn are_all(&self) -> bool {
        Kind::all().all(|kind| self.wants(kind))
    }

    /// Whether this kind of fault strikes.
    pub fn wants(&self, kind: Kind) -> bool {
        self.kinds.iter().any(|name| name == kind.name())
    }

    /// The command that does the same again, with ledgers in this folder.
    pub fn command(&self, folder: Option<&Path>) -> String {
        let Self {
            seed,
            times,
            people,
            together,
            ..
        } = self;
        let release = if self.release { " --release" } else { "" };
        let kinds = if self.are_all() {
            String::new()
        } else {
            format!(" --kinds {}", self.kinds.join(","))
        };
        let folder = folder.map(|folder| format!(" --ledgers {}", folder.display()));
        format!(
            "./chaos{release} --seed {seed} --times {times} --people {people} --together \
             {together}{kinds}{}",
            folder.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            seed: 7,
            times: 2,
            people: 20,
            together: 3,
            kinds: vec!["crowd".to_owned()],
            release: false,
            commit: "abc".to_owned(),
        }
    }

    #[test]
    fn a_folder_says_what_its_ledgers_are_of_and_how_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Wanted::of_folder(folder.path()).unwrap(), None);
        wanted().claim(folder.path()).unwrap();
        assert_eq!(Wanted::of_folder(folder.path()).unwrap(), Some(wanted()));
        wanted().claim(folder.path()).unwrap();
        let at_another_pace = Wanted {
            together: 1,
            ..wanted()
        };
        at_another_pace.claim(folder.path()).unwrap();
        let other = Wanted {
            people: 30,
            commit: "def".to_owned(),
            ..wanted()
        };
        let says = other.claim(folder.path()).unwrap_err().to_string();
        for part in [
            "--people 20 there, 30 now",
            "commit abc there, def now",
            "./chaos --seed 7 --times 2 --people 20 --together 3 --kinds crowd --ledgers",
        ] {
            assert!(says.contains(part), "{part}: {says}");
        }
        assert!(!says.contains("--seed 7 there"), "{says}");
    }
}
