//! What came of measuring one contender once.

use super::contender::Contender;
use super::effort::Effort;
use super::row::Row;
use crate::circumstances::Circumstances;
use crate::load::results::Results;

/// The parameter that says why there are no figures.
const FAILED: &str = "failed";

/// The parameter that says why the figures are not to be trusted.
const DISTURBED: &str = "disturbed";

/// What came of measuring one contender once: results that count, or that do not.
#[derive(Debug, Clone, PartialEq)]
pub struct Run(Results);

impl Run {
    /// With these results, as they were kept.
    pub fn of(results: Results) -> Self {
        Self(results)
    }

    /// It could not be measured.
    pub fn failed(row: Row, contender: Contender, effort: Effort, why: &str) -> Self {
        let mut parameters = effort.parameters();
        parameters.insert(FAILED.to_owned(), why.to_owned());
        Self(Results {
            scenario: row.title().to_owned(),
            subject: contender.to_string(),
            parameters,
            circumstances: Circumstances::now(),
            ..Results::default()
        })
    }

    /// The same, but that others used the machine meanwhile.
    pub(super) fn disturbed(mut self, why: String) -> Self {
        self.0.parameters.insert(DISTURBED.to_owned(), why);
        self
    }

    /// What was found.
    pub fn results(&self) -> &Results {
        &self.0
    }

    /// Why it could not be measured.
    pub fn failure(&self) -> Option<&str> {
        self.0.parameters.get(FAILED).map(String::as_str)
    }

    /// What others did to the machine meanwhile.
    pub fn disturbance(&self) -> Option<&str> {
        self.0.parameters.get(DISTURBED).map(String::as_str)
    }

    /// Whether its figures are compared.
    pub fn counts(&self) -> bool {
        self.failure().is_none() && self.disturbance().is_none()
    }
}
