//! One round of a plan: it is run, and its ledger read.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use futures::FutureExt;

use super::machine;
use super::plan::Faults;
use super::report::{Counted, Story};
use super::round::Round;
use crate::check::{Checker, Rules, Verdict};
use crate::ledger::{self, What};

/// One round of the plan.
#[derive(Debug)]
pub struct One {
    /// Counted from 1.
    pub number: usize,
    /// As its ledger says.
    pub round: ledger::Round,
    /// What strikes.
    pub faults: Faults,
    /// Where its ledger is.
    pub ledger: PathBuf,
}

impl One {
    /// Lets its faults strike, and reads its ledger.
    ///
    /// # Errors
    /// A part failed, or the ledger cannot be written or read.
    pub async fn run(self, progress: impl Fn(&str)) -> anyhow::Result<Checked> {
        let number = self.number;
        // The test kit gives up by a panic, with a sentence.
        let ended = match AssertUnwindSafe(self.strike(progress)).catch_unwind().await {
            Ok(ended) => ended,
            Err(panic) => Err(anyhow!("{}", said_by(&*panic))),
        };
        ended.map_err(|error| {
            let says = format!("{error:#}");
            let (advice, says) = (machine::advice(&says), shortened(&says));
            anyhow!("round {number}: {says}{advice}")
        })?;
        // That takes a while, in which other rounds go on.
        tokio::task::spawn_blocking(move || {
            let checked = self.read()?;
            checked.with_context(|| format!("{} has no end", self.ledger.display()))
        })
        .await
        .context("the task that reads a ledger")?
    }

    async fn strike(&self, progress: impl Fn(&str)) -> anyhow::Result<()> {
        let number = self.number;
        let round = Round::start(self.faults.storage, &self.round, &self.ledger).await?;
        let progress = |line: &str| progress(&format!("round {number}: {line}"));
        round.run(&self.faults.kinds, progress).await
    }

    /// What its ledger tells; none where there is none, or it breaks off.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is of something else.
    pub fn read(&self) -> anyhow::Result<Option<Checked>> {
        if !self.ledger.exists() {
            return Ok(None);
        }
        let mut checker = Checker::new(Rules::default());
        let mut story = Story::new(self.number, self.faults.storage);
        let mut counted = None;
        for entry in ledger::read_whole(&self.ledger)? {
            let entry = match entry {
                Err(error) if error.is_interrupted() => return Ok(None),
                entry => entry?,
            };
            match &entry.what {
                What::Round(of) if *of != self.round => bail!(
                    "{} is of another plan or commit: name another folder, or empty this one",
                    self.ledger.display()
                ),
                What::Counted { counts } => counted = Some(counts.clone()),
                What::Round(_)
                | What::Client { .. }
                | What::Call(_)
                | What::Fault(_)
                | What::LossOver
                | What::FaultOver
                | What::UnplannedFailOver { .. }
                | What::GapsRepaired { .. }
                | What::Log(_) => {}
            }
            story.take(&entry);
            checker.take(entry);
        }
        Ok(counted.map(|counted| Checked {
            number: self.number,
            verdict: checker.finish(),
            counted,
            story,
        }))
    }
}

/// What was found in one round.
#[derive(Debug)]
pub struct Checked {
    /// Its number.
    pub number: usize,
    /// Which promises were broken, and how often what happened.
    pub verdict: Verdict,
    /// What the programs counted.
    pub counted: Counted,
    /// For the report.
    pub story: Story,
}

/// Its first line and its last ones: a part that failed may have logged a lot.
fn shortened(says: &str) -> String {
    const LAST: usize = 4;
    const LONGEST: usize = 300;
    let lines: Vec<_> = says.lines().collect();
    let is_shown = |number: usize| number == 0 || number + LAST >= lines.len();
    let shown = lines
        .iter()
        .enumerate()
        .filter(|(number, _)| is_shown(*number));
    let shown = shown.map(|(_, line)| line.chars().take(LONGEST).collect::<String>());
    shown.collect::<Vec<_>>().join("\n")
}

/// What a panic said.
fn said_by(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a part failed without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use causerie_testkit::storage::StorageKind;

    use super::*;
    use crate::chaos::fault::Kind;
    use crate::ledger::{Fault, Pen};

    /// A round whose ledger is in this folder, and begins and ends there.
    fn round_in(folder: &tempfile::TempDir) -> One {
        let one = One {
            number: 3,
            round: ledger::Round {
                seed: 1,
                people: 2,
                faults: vec!["crowd".to_owned()],
                commit: "abc".to_owned(),
            },
            faults: Faults {
                storage: StorageKind::Durable,
                kinds: vec![Kind::Crowd],
            },
            ledger: folder.path().join("round-3.jsonl"),
        };
        let fault = Fault {
            kind: "crowd".to_owned(),
            target: "people".to_owned(),
            until: 1,
            streaming: 1,
            loses_since: None,
        };
        let pen = Pen::new(&one.ledger).unwrap();
        let counts = [("takeovers".to_owned(), 4)].into();
        for what in [
            What::Round(one.round.clone()),
            What::Fault(fault),
            What::FaultOver,
            What::Counted { counts },
        ] {
            pen.note(what).unwrap();
        }
        pen.flush().unwrap();
        one
    }

    #[test]
    fn what_a_whole_ledger_tells_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let checked = round_in(&folder).read().unwrap().unwrap();
        assert_eq!((checked.number, checked.story.number), (3, 3));
        assert_eq!(checked.counted["takeovers"], 4);
        assert_eq!(checked.verdict.counts["faults"], 1);
    }

    #[test]
    fn a_round_is_to_be_run_that_was_not_or_whose_ledger_breaks_off() {
        let folder = tempfile::tempdir().unwrap();
        let one = round_in(&folder);
        let whole = fs::read_to_string(&one.ledger).unwrap();
        let before_the_end = whole.trim_end().rfind('\n').unwrap() + 1;
        for end in [0, 5, before_the_end, whole.len() - 5] {
            fs::write(&one.ledger, &whole[..end]).unwrap();
            assert!(one.read().unwrap().is_none(), "{end}");
        }
        fs::remove_file(&one.ledger).unwrap();
        assert!(one.read().unwrap().is_none());
    }

    #[test]
    fn what_is_of_something_else_or_damaged_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = round_in(&folder);
        one.round.seed = 2;
        let says = one.read().unwrap_err().to_string();
        assert!(says.contains("another plan or commit"), "{says}");
        one.round.seed = 1;
        let whole = fs::read_to_string(&one.ledger).unwrap();
        fs::write(&one.ledger, whole.replacen("crowd", "", 2)).unwrap();
        assert!(one.read().is_err());
    }
}
