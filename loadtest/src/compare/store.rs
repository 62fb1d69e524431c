//! Results of earlier runs, so that a comparison that was interrupted goes on.

use std::path::PathBuf;

use super::contender::Contender;
use super::effort::Effort;
use super::row::Row;
use super::run::Run;
use crate::load::results::Results;

/// A folder with a JSON file of each run.
#[derive(Debug)]
pub struct Store {
    /// Where it is.
    pub folder: PathBuf,
    /// What is measured.
    pub commit: String,
    /// How much each run is worth.
    pub effort: Effort,
}

impl Store {
    /// Results of a round of all these, if it was measured before: of the same commit,
    /// with the same effort, and by the time of one another. None if one is missing, or
    /// was disturbed.
    pub fn round(&self, row: Row, contenders: &[Contender], round: u32) -> Option<Vec<Run>> {
        if !self.is_known() {
            return None;
        }
        let runs = contenders.iter().map(|contender| {
            let run = Run::of(Results::read(&self.file(row, *contender, round)).ok()?);
            let is_same = run.results().circumstances.commit == self.commit
                && Effort::of(run.results()) == Some(self.effort);
            (is_same && run.disturbance().is_none()).then_some(run)
        });
        runs.collect()
    }

    /// Whether the commit says what is measured.
    fn is_known(&self) -> bool {
        !self.commit.is_empty() && !self.commit.ends_with("-dirty")
    }

    /// Keeps the results of a run.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep(
        &self,
        row: Row,
        contender: Contender,
        round: u32,
        results: &Results,
    ) -> anyhow::Result<()> {
        results.write(&self.file(row, contender, round))
    }

    fn file(&self, row: Row, contender: Contender, round: u32) -> PathBuf {
        let name = format!("{row}-{}-{round}.json", contender.name());
        self.folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::runs::tests::results;

    #[test]
    fn only_a_whole_round_of_the_same_commit_and_effort_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let store = |commit: &str, effort| Store {
            folder: folder.path().to_owned(),
            commit: commit.to_owned(),
            effort,
        };
        let same = store("abc", Effort::FULL);
        let (row, both) = (Row::Pairs, [Contender::Causerie, Contender::SocketIo]);
        let of = |contender| {
            let mut results = results(contender, 1.0);
            results.circumstances.commit = "abc".to_owned();
            results
        };
        let keep = |contender, run: &Run| same.keep(row, contender, 2, run.results()).unwrap();
        let runs = both.map(|contender| Run::of(of(contender)));
        keep(both[0], &runs[0]);
        assert_eq!(same.round(row, &both, 2), None);
        keep(both[1], &runs[1]);
        assert_eq!(same.round(row, &both, 2), Some(runs.to_vec()));
        assert!(folder.path().join("pairs-socketio-2.json").is_file());

        assert_eq!(same.round(row, &both, 1), None);
        assert_eq!(same.round(Row::BigRoom, &both, 2), None);
        assert_eq!(store("abd", Effort::FULL).round(row, &both, 2), None);
        let less = Effort {
            percent: 5,
            ..Effort::FULL
        };
        assert_eq!(store("abc", less).round(row, &both, 2), None);
        let disturbed = runs[1].clone().disturbed("others".to_owned());
        keep(both[1], &disturbed);
        assert_eq!(same.round(row, &both, 2), None);
    }

    #[test]
    fn what_is_not_committed_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        for commit in ["", "abc-dirty"] {
            let store = Store {
                folder: folder.path().to_owned(),
                commit: commit.to_owned(),
                effort: Effort::FULL,
            };
            let mut results = results(Contender::Causerie, 1.0);
            results.circumstances.commit = commit.to_owned();
            let (row, who) = (Row::Pairs, Contender::Causerie);
            store.keep(row, who, 1, &results).unwrap();
            assert_eq!(store.round(row, &[who], 1), None);
        }
    }
}
