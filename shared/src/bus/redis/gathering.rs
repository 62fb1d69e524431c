//! Verbs that many ask for at once: what comes while Redis is busy with earlier
//! ones is gathered, and carried out by one script.
//!
//! Who asks alone is asked for at once. So nobody waits for company, and the
//! busier Redis is the more is gathered. A script for many costs Redis, and us,
//! a fraction of as many scripts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::answer::Answer;
use super::args::Args;
use super::pool::Pool;
use super::script::Script;
use super::{names, nothing};
use crate::bus::{BusError, Retention};
use crate::room::Partition;

/// For how many one script does it: Redis does nothing else meanwhile.
const TOGETHER: usize = 32;

/// How many may wait in one row.
const WAITING: usize = 10_000;

/// What the script answers to one; nothing where it answers false.
type Answered = Result<Option<Answer>, BusError>;

/// A verb that is gathered. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Gathering(Arc<Gathered>);

#[derive(Debug)]
struct Gathered {
    pool: Arc<Pool>,
    script: &'static Script,
    /// What the script is told of logs, if it looks at them.
    of_logs: Option<Retention>,
    /// One for each that a script can do nothing beyond: a connection, or in a
    /// cluster a partition.
    rows: Vec<Mutex<Row>>,
}

/// Those who ask, in their order.
#[derive(Debug, Default)]
struct Row {
    is_busy: bool,
    waiting: VecDeque<Wish>,
}

/// What somebody asks for.
#[derive(Debug)]
struct Wish {
    partition: Partition,
    args: Args,
    since: Instant,
    answered: oneshot::Sender<Answered>,
}

/// The right to ask Redis on behalf of a row; the next of the row get it when it
/// is dropped.
struct Turn {
    gathering: Gathering,
    row: usize,
}

impl Gathering {
    pub(super) fn new(pool: &Arc<Pool>, script: &'static Script) -> Self {
        Self::with(pool, script, None)
    }

    /// For a script that looks at logs.
    pub(super) fn of_logs(
        pool: &Arc<Pool>,
        script: &'static Script,
        retention: &Retention,
    ) -> Self {
        Self::with(pool, script, Some(retention.clone()))
    }

    fn with(pool: &Arc<Pool>, script: &'static Script, of_logs: Option<Retention>) -> Self {
        Self(Arc::new(Gathered {
            pool: Arc::clone(pool),
            script,
            of_logs,
            rows: (0..pool.rows()).map(|_| Mutex::default()).collect(),
        }))
    }

    /// Asks for it in `partition`, together with others who ask; `None` where the
    /// script answers false.
    pub(super) async fn ask(&self, partition: Partition, args: Args) -> Answered {
        let row = self.0.pool.row_of(partition);
        let (answered, answer) = oneshot::channel();
        let since = Instant::now();
        let wish = Wish {
            partition,
            args,
            since,
            answered,
        };
        if let Some((turn, wish)) = self.enter(row, wish)? {
            self.0.carry_out(vec![wish]).await;
            drop(turn);
        }
        let ended = |_| BusError::Unavailable("the program is ending".to_owned());
        let pool = &self.0.pool;
        let answered = pool.in_time(since, self.0.script.verb, answer).await?;
        answered.map_err(ended)?
    }

    /// Takes a place in the row; the wish comes back where it is its turn.
    fn enter(&self, at: usize, wish: Wish) -> Result<Option<(Turn, Wish)>, BusError> {
        let mut row = self.0.row(at)?;
        if row.waiting.len() >= WAITING {
            let why = format!("Backpressure: {WAITING} wait already");
            return Err(BusError::Unavailable(why));
        }
        if row.is_busy {
            row.waiting.push_back(wish);
            return Ok(None);
        }
        row.is_busy = true;
        let turn = Turn {
            gathering: self.clone(),
            row: at,
        };
        Ok(Some((turn, wish)))
    }
}

impl Gathered {
    fn row(&self, at: usize) -> Result<MutexGuard<'_, Row>, BusError> {
        let row = self.rows.get(at);
        let row = row.ok_or_else(|| nothing(self.script.verb))?;
        Ok(row.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn carry_out(&self, wishes: Vec<Wish>) {
        match self.run(&wishes).await {
            Ok(answers) => {
                for (wish, answer) in wishes.into_iter().zip(answers) {
                    wish.end(Ok(answer));
                }
            }
            // Of one of them, which must not take the others with it.
            Err(BusError::Unreadable(_)) if wishes.len() > 1 => {
                for wish in wishes {
                    let alone = self.run(std::slice::from_ref(&wish)).await;
                    wish.end(alone.map(|mut answers| answers.pop().flatten()));
                }
            }
            Err(error) => {
                for wish in wishes {
                    wish.end(Err(error.clone()));
                }
            }
        }
    }

    /// Does it for all with one script, as long as the last of them may take: who
    /// came before it does not wait that long. Their answers are in the order of
    /// `wishes`.
    async fn run(&self, wishes: &[Wish]) -> Result<Vec<Option<Answer>>, BusError> {
        let Some(last) = wishes.last() else {
            return Ok(Vec::new());
        };
        let head = self.of_logs.as_ref().map(Args::of_log).unwrap_or_default();
        let args = wishes.iter().fold(head, |args, wish| {
            args.of_one(names::prefix(wish.partition), &wish.args)
        });
        let pool = &self.pool;
        let answer = pool.run_since(last.since, last.partition, self.script, args);
        let answer = answer.await?.ok_or_else(|| nothing(self.script.verb))?;
        let answers = answer.rest(Answer::list)?;
        if answers.len() == wishes.len() {
            Ok(answers)
        } else {
            Err(nothing(self.script.verb))
        }
    }
}

impl Wish {
    fn end(self, answer: Answered) {
        // Who asked may have given up.
        let _ = self.answered.send(answer);
    }
}

impl Turn {
    /// The next of the row, without those who have given up; the row is free
    /// where there are none.
    fn next(&self) -> Vec<Wish> {
        let Ok(mut row) = self.gathering.0.row(self.row) else {
            return Vec::new();
        };
        let mut next = Vec::new();
        while next.len() < TOGETHER
            && let Some(wish) = row.waiting.pop_front()
        {
            if !wish.answered.is_closed() {
                next.push(wish);
            }
        }
        row.is_busy = !next.is_empty();
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = self.next();
        // Without a runtime nobody waits.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if !next.is_empty() {
            let turn = Self {
                gathering: self.gathering.clone(),
                row: self.row,
            };
            runtime.spawn(async move {
                turn.gathering.0.carry_out(next).await;
            });
        }
    }
}
