//! How long things took: HDR histograms, which are added up without an error.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use super::clock::Nanos;

/// What takes longer counts as this long, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// Three significant digits.
const DIGITS: u8 = 3;

/// How long something took, how often; in microseconds, to three digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Encoded", into = "Encoded")]
pub struct Distribution(Histogram<u64>);

impl Default for Distribution {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, DIGITS);
        #[expect(clippy::expect_used, reason = "the bounds are constants that hold")]
        Self(histogram.expect("bounds of a histogram"))
    }
}

impl Distribution {
    /// Notes that it took so long once.
    pub fn note(&mut self, took: Nanos) {
        self.0.saturating_record(took / 1_000);
    }

    /// Adds what another one noted.
    pub fn add(&mut self, other: &Self) {
        for value in other.0.iter_recorded() {
            let count = value.count_since_last_iteration();
            self.0.saturating_record_n(value.value_iterated_to(), count);
        }
    }

    /// How often.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// How long it took at the most for such a share, from 0 to 1, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e3
    }

    /// How long it took at the most, in milliseconds, for each of many shares: the
    /// nearer to 1, the closer together. All of it is more than any of them.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let steps = self.0.iter_quantiles(5).map(|step| {
            let ms = step.value_iterated_to() as f64 / 1e3;
            (step.quantile_iterated_to(), ms)
        });
        steps.filter(|(share, _)| *share < 1.0).collect()
    }

    /// How long it took at the most, in milliseconds.
    pub fn max_ms(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }
}

/// A distribution as text: HDR's compressed V2 in base64, which HdrHistogram's
/// own tools read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Encoded(String);

/// A text is no distribution.
#[derive(Debug, thiserror::Error)]
#[error("no HDR histogram in base64: {0}")]
pub struct NotADistribution(String);

impl From<Distribution> for Encoded {
    fn from(distribution: Distribution) -> Self {
        (&distribution).into()
    }
}

impl From<&Distribution> for Encoded {
    fn from(distribution: &Distribution) -> Self {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(&distribution.0, &mut bytes);
        // Fails only where a buffer cannot be written to, or counts pass 2^63.
        #[expect(clippy::expect_used, reason = "a Vec takes all that is written")]
        written.expect("a histogram is written");
        Self(BASE64.encode(bytes))
    }
}

impl TryFrom<&Encoded> for Distribution {
    type Error = NotADistribution;

    fn try_from(encoded: &Encoded) -> Result<Self, NotADistribution> {
        let bytes = BASE64.decode(&encoded.0);
        let bytes = bytes.map_err(|error| NotADistribution(error.to_string()))?;
        let histogram: Result<Histogram<u64>, _> =
            Deserializer::new().deserialize(&mut bytes.as_slice());
        let histogram = histogram.map_err(|error| NotADistribution(error.to_string()))?;
        let mut distribution = Self::default();
        // Into our own bounds, whatever those of the text are.
        distribution.add(&Self(histogram));
        Ok(distribution)
    }
}

impl TryFrom<Encoded> for Distribution {
    type Error = NotADistribution;

    fn try_from(encoded: Encoded) -> Result<Self, NotADistribution> {
        (&encoded).try_into()
    }
}

/// How long something took, in all and second by second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Of the whole stretch that was measured.
    pub whole: Distribution,
    /// Of what came in each second of Unix time. Encoded, since a distribution is
    /// a hundred times as large, and there may be thousands.
    pub by_second: BTreeMap<u64, Encoded>,
}

impl Latency {
    /// Takes what was noted within a second of Unix time, or in a part of it.
    ///
    /// # Errors
    /// What was taken for that second before cannot be read.
    pub fn take(&mut self, second: u64, noted: &Distribution) -> Result<(), NotADistribution> {
        if noted.count() == 0 {
            return Ok(());
        }
        self.whole.add(noted);
        self.put(second, noted)
    }

    /// Adds what another process noted.
    ///
    /// # Errors
    /// What was noted for a second cannot be read.
    pub fn merge(&mut self, other: &Self) -> Result<(), NotADistribution> {
        self.whole.add(&other.whole);
        for (second, noted) in &other.by_second {
            self.put(*second, &noted.try_into()?)?;
        }
        Ok(())
    }

    fn put(&mut self, second: u64, noted: &Distribution) -> Result<(), NotADistribution> {
        let encoded = match self.by_second.get(&second) {
            None => noted.into(),
            Some(before) => {
                let mut both = Distribution::try_from(before)?;
                both.add(noted);
                both.into()
            }
        };
        self.by_second.insert(second, encoded);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    const MILLISECOND: Nanos = 1_000_000;

    fn of(values: &[Nanos]) -> Distribution {
        let mut distribution = Distribution::default();
        values.iter().for_each(|took| distribution.note(*took));
        distribution
    }

    /// From a microsecond to a minute, each magnitude as often.
    fn some_values(seed: u64) -> Vec<Nanos> {
        let mut dice = StdRng::seed_from_u64(seed);
        let value = |_| 10_f64.powf(dice.random_range(3.0..10.8)) as Nanos;
        (0..20_000).map(value).collect()
    }

    #[test]
    fn adding_up_is_exact() {
        let (one, other) = (some_values(1), some_values(2));
        let mut sum = of(&one);
        sum.add(&of(&other));
        assert_eq!(sum, of(&[one, other].concat()));
    }

    #[test]
    fn a_text_holds_all_of_a_distribution() {
        let before = of(&some_values(3));
        let text = serde_json::to_string(&before).unwrap();
        assert!(text.starts_with("\"HISTF"), "{text}");
        let after: Distribution = serde_json::from_str(&text).unwrap();
        assert_eq!(after, before);
        assert!(serde_json::from_str::<Distribution>("\"HISTF\"").is_err());
        assert!(serde_json::from_str::<Distribution>("\"é\"").is_err());
    }

    #[test]
    fn quantiles_are_true_to_three_digits() {
        let values: Vec<_> = (1..=10_000).map(|ms| ms * MILLISECOND).collect();
        let distribution = of(&values);
        for (share, expected) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0)] {
            let found = distribution.quantile_ms(share);
            assert!((found / expected - 1.0).abs() < 0.001, "{share}: {found}");
        }
        assert!((distribution.max_ms() / 10_000.0 - 1.0).abs() < 0.001);
        assert_eq!(distribution.count(), 10_000);
    }

    #[test]
    fn hours_are_noted_as_ten_minutes() {
        let ms = of(&[7_200_000 * MILLISECOND]).max_ms();
        assert!((600_000.0..600_600.0).contains(&ms), "{ms}");
    }

    #[test]
    fn seconds_of_two_processes_are_one_second() {
        let parts = [some_values(4), some_values(5), some_values(6)].map(|values| of(&values));
        let [first, second, third] = &parts;
        let mut one = Latency::default();
        one.take(100, first).unwrap();
        one.take(100, second).unwrap();
        one.take(101, &Distribution::default()).unwrap();
        let mut other = Latency::default();
        other.take(100, third).unwrap();
        other.take(102, first).unwrap();
        one.merge(&other).unwrap();

        let sum = |parts: &[&Distribution]| {
            let mut sum = Distribution::default();
            parts.iter().for_each(|part| sum.add(part));
            sum
        };
        assert_eq!(one.whole, sum(&[first, second, third, first]));
        let seconds: Vec<_> = one.by_second.keys().copied().collect();
        assert_eq!(seconds, [100, 102]);
        let within = Distribution::try_from(&one.by_second[&100]).unwrap();
        assert_eq!(within, sum(&[first, second, third]));
    }
}
