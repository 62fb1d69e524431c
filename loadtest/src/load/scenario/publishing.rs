//! Clients say things in rooms: one at a time, at a rate, or at the highest rate
//! that the servers bear.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;

use crate::load::clock::{self, MILLISECOND, seconds};
use crate::load::numeric::{more_than_one, more_than_zero, zero_or_more};
use crate::load::options::{Common, Language};
use crate::load::party::Party;
use crate::load::record::Record;
use crate::load::results::{Counts, Measure, Results, Try};
use crate::load::sample::{MOST_CORES_OF_OTHERS, Sampler, look_at_machine};
use crate::load::talk::{Pace, Rhythm, Role, Setting};

/// How much is said, and what the servers must bear.
#[derive(Debug, Args)]
pub(crate) struct Publishing {
    /// Messages a second, of all who speak, in all parts; without it and --search one is
    /// said when the one before it was heard by all
    #[arg(long, value_name = "RATE", conflicts_with = "search", value_parser = more_than_zero)]
    rate: Option<f64>,
    /// Look for the highest rate at which nothing is lost and p99 is below --p99; what
    /// is doubled or swapped at any rate is told
    #[arg(long)]
    search: bool,
    /// The rate at which a search begins
    #[arg(long, default_value_t = 100.0, value_name = "RATE", value_parser = more_than_zero)]
    search_from: f64,
    /// A search goes up by so many times until a rate is too much; near the highest rate
    /// little is quicker
    #[arg(long, default_value_t = 2.0, value_name = "TIMES", value_parser = more_than_one)]
    search_step: f64,
    /// What a search allows p99 to be, from when a message was to be sent until it
    /// is heard
    #[arg(long, default_value_t = 200, value_name = "MS")]
    p99: u64,
    /// Try a rate again, up to six times, while other machines on the same hardware take
    /// more than 0.2 cores away
    #[arg(long, requires = "search")]
    undisturbed: bool,
    /// Do not mind messages that are heard after later ones of their sender
    #[arg(long)]
    any_order: bool,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    bytes: usize,
    /// How long is measured, at each rate
    #[arg(long, default_value_t = 10.0, value_parser = more_than_zero)]
    seconds: f64,
    /// How long they speak before that
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS", value_parser = zero_or_more)]
    warm_up: f64,
    /// How the server is spoken to
    #[arg(long, value_enum, default_value_t = Language::Causerie)]
    pub(super) dialect: Language,
}

/// How long what was sent may take to be heard by all.
const DRAINING: Duration = Duration::from_secs(10);

/// A search ends when it knows the rate so well.
const PRECISION: f64 = 1.1;

/// A rate is too much if it was not borne so often.
const TRIES: usize = 2;

/// With --undisturbed a rate is tried again so often at the most.
const STOLEN_TRIES: usize = 6;

/// Below it nothing is said.
const LEAST: f64 = 1.0;

/// Beyond it the search is for the limits of something else.
const MOST: f64 = 10_000_000.0;

impl Publishing {
    /// Lets `roles` come in and speak; `speakers` of them do.
    pub(crate) fn run(
        &self,
        roles: impl Fn() -> Vec<Role>,
        speakers: u32,
        common: &Common,
        sampler: &Sampler,
    ) -> anyhow::Result<Results> {
        let setting = Arc::new(Setting {
            doors: common.doors()?,
            dialect: common.dialect(self.dialect)?,
            deflate: common.ramp.deflate,
            bytes: self.bytes,
            pace: Pace::default(),
        });
        let conductor = Conductor {
            publishing: self,
            common,
            setting,
            roles,
            speakers,
            sampler,
        };
        if self.search {
            ensure!(
                common.part.of == 1,
                "a search is made by one process: leave --part out"
            );
            return conductor.search();
        }
        let mut party = conductor.gather()?;
        party.wait_for(common.until_start()?)?;
        let record = match self.rate {
            Some(rate) => conductor.at_rate(&mut party, rate / common.part.of as f64),
            None => conductor.one_in_flight(&mut party),
        };
        Ok(record?.results)
    }

    /// Whether the servers bore it.
    fn is_borne(&self, record: &Record) -> bool {
        record.is_flawless(self.any_order) && p99(record) < self.p99 as f64
    }
}

/// In milliseconds.
fn p99(record: &Record) -> f64 {
    let deliveries = record.results.latencies.get(&Measure::Delivery);
    deliveries.map_or(0.0, |latency| latency.whole.quantile_ms(0.99))
}

struct Conductor<'a, R> {
    publishing: &'a Publishing,
    common: &'a Common,
    setting: Arc<Setting>,
    roles: R,
    speakers: u32,
    sampler: &'a Sampler,
}

impl<'a, R: Fn() -> Vec<Role>> Conductor<'a, R> {
    fn gather(&self) -> anyhow::Result<Party<'a>> {
        let mut party = Party::gather(
            &self.setting,
            (self.roles)(),
            &self.common.ramp,
            self.sampler,
        )?;
        // That they came in is not what is measured.
        party.take_record()?;
        Ok(party)
    }

    /// Raises the rate step by step until it is too much, then closes in on the highest
    /// that is not; what was found at that.
    fn search(&self) -> anyhow::Result<Results> {
        let (mut best, mut search) = (None::<Results>, Search::default());
        let (mut borne, mut too_much) = (0.0, f64::INFINITY);
        let mut rate = self.publishing.search_from.max(LEAST);
        while too_much / borne > PRECISION && (LEAST..MOST).contains(&rate) {
            match self.try_rate(rate, &mut search)? {
                Some(results) => {
                    borne = rate;
                    if let Some(before) = best.replace(results) {
                        search.wrongs.merge_wrongs(&before.counts);
                    }
                }
                None => too_much = rate,
            }
            rate = if too_much.is_infinite() {
                borne * self.publishing.search_step
            } else if borne == 0.0 {
                too_much / 2.0
            } else {
                (borne * too_much).sqrt()
            };
        }
        let told = search.told.join("; ");
        let mut results = best.with_context(|| format!("no rate was borne: {told}"))?;
        let parameters = [("tried", told), ("rate", format!("{borne:.0}"))];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
        results.parameters.extend(parameters);
        results.counts.merge_wrongs(&search.wrongs);
        results.tried = search.tried;
        Ok(results)
    }

    /// What was found at a rate that was borne. One hiccup of something else is not
    /// held against it.
    fn try_rate(&self, rate: f64, search: &mut Search<'a>) -> anyhow::Result<Option<Results>> {
        let (mut tries, mut stolen_tries) = (TRIES, 0);
        if self.publishing.undisturbed {
            stolen_tries = STOLEN_TRIES;
        }
        while tries > 0 {
            let mut party = match search.party.take() {
                Some(party) => party,
                None => self.gather()?,
            };
            let before = look_at_machine();
            let record = self.at_rate(&mut party, rate)?;
            let stolen = before
                .zip(look_at_machine())
                .map_or(0.0, |(before, after)| after.stolen_cores_since(before));
            let is_borne = self.publishing.is_borne(&record);
            search.note(rate, is_borne, stolen, &record);
            if is_borne {
                search.party = Some(party);
            }
            // Who was sent away, or is behind, is of no use any more: all leave here.
            if stolen > MOST_CORES_OF_OTHERS && stolen_tries > 0 {
                stolen_tries -= 1;
            } else if is_borne {
                return Ok(Some(record.results));
            } else {
                tries -= 1;
            }
            search.wrongs.merge_wrongs(&record.results.counts);
        }
        Ok(None)
    }

    fn at_rate(&self, party: &mut Party<'_>, rate: f64) -> anyhow::Result<Record> {
        let pause = seconds(f64::from(self.speakers) / rate);
        let rhythm = Rhythm {
            speakers: self.speakers,
            speak_every: Some(pause),
            ..self.rhythm()
        };
        party.measure(rhythm, DRAINING, Party::wait_until)
    }

    fn one_in_flight(&self, party: &mut Party<'_>) -> anyhow::Result<Record> {
        party.measure(self.rhythm(), DRAINING, |party, time| {
            while clock::now() < time {
                let is_heard = party.say_one(DRAINING)?;
                ensure!(
                    is_heard,
                    "a message was not heard by all within {} s",
                    DRAINING.as_secs()
                );
            }
            Ok(())
        })
    }

    fn rhythm(&self) -> Rhythm {
        let from = clock::now() + 10 * MILLISECOND;
        let measured_from = from + seconds(self.publishing.warm_up);
        Rhythm {
            from,
            measured_from,
            until: measured_from + seconds(self.publishing.seconds),
            ..Rhythm::default()
        }
    }
}

/// What a search has seen so far.
#[derive(Default)]
struct Search<'a> {
    /// Who speaks and hears; none where they have left.
    party: Option<Party<'a>>,
    tried: Vec<Try>,
    /// The same, for people to read.
    told: Vec<String>,
    /// At all rates but the best one, those that were too much as well.
    wrongs: Counts,
}

impl Search<'_> {
    fn note(&mut self, rate: f64, is_borne: bool, stolen_cores: f64, record: &Record) {
        self.tried.push(Try {
            rate,
            p99_ms: p99(record),
            is_borne,
            stolen_cores,
        });
        let faults = record.results.counts.faults().into_iter();
        let faults = faults.map(|(what, count)| format!(", {count} {what}"));
        let verdict = if is_borne { "borne" } else { "too much" };
        let mut faults: String = faults.collect();
        if stolen_cores > MOST_CORES_OF_OTHERS {
            faults.push_str(&format!(", {stolen_cores:.1} cores stolen"));
        }
        self.told.push(format!(
            "{rate:.0} {verdict} (p99 {:.1} ms{faults})",
            p99(record),
        ));
    }
}
