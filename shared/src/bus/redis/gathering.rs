//! Verbs that many ask for at once: what comes while Redis is busy with earlier
//! ones is gathered, and carried out by one script.
//!
//! Who asks alone is asked for at once. So nobody waits for company, and the
//! busier Redis is the more is gathered. A script for many costs Redis, and us,
//! a fraction of as many scripts. What is asked for once by each of a crowd, and
//! costs next to nothing itself, is gathered for a while beyond that: a [`Crowd`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::answer::Answer;
use super::args::Args;
use super::crowd::Crowd;
use super::pool::Pool;
use super::script::Script;
use super::{names, nothing};
use crate::bus::{BusError, Retention};
use crate::room::Partition;

/// For how many one script does it: Redis does nothing else meanwhile.
const TOGETHER: usize = 32;

/// The same of what costs next to nothing.
const TOGETHER_IN_CROWDS: usize = 128;

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
    /// How long one waits who asks: as long as Redis may take, or less.
    patience: Duration,
    /// Those who come, where they come in crowds.
    crowd: Option<Crowd>,
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
/// is dropped, after a pause where a crowd comes.
struct Turn {
    gathering: Gathering,
    row: usize,
    has_served: bool,
    /// Whether the row is free again.
    is_over: bool,
}

impl Gathering {
    pub(super) fn new(pool: &Arc<Pool>, script: &'static Script) -> Self {
        Self(Arc::new(Gathered::new(pool, script)))
    }

    /// For a script that looks at logs.
    pub(super) fn of_logs(
        pool: &Arc<Pool>,
        script: &'static Script,
        retention: &Retention,
    ) -> Self {
        Self(Arc::new(Gathered {
            of_logs: Some(retention.clone()),
            ..Gathered::new(pool, script)
        }))
    }

    /// For a script that each of a crowd asks for, who waits no longer than that.
    pub(super) fn of_crowds(pool: &Arc<Pool>, script: &'static Script, patience: Duration) -> Self {
        let gathered = Gathered::new(pool, script);
        Self(Arc::new(Gathered {
            patience: gathered.patience.min(patience),
            crowd: Some(Crowd::of_rows(gathered.rows.len())),
            ..gathered
        }))
    }

    /// Asks for it in `partition`, together with others who ask; `None` where the
    /// script answers false.
    pub(super) async fn ask(&self, partition: Partition, args: Args) -> Answered {
        let row = self.0.pool.row_of(partition);
        if let Some(crowd) = &self.0.crowd {
            crowd.count_one();
        }
        let (answered, answer) = oneshot::channel();
        let since = Instant::now();
        let wish = Wish {
            partition,
            args,
            since,
            answered,
        };
        if let Some((turn, wish)) = self.enter(row, wish)? {
            turn.serve(vec![wish]).await;
        }
        let ended = |_| BusError::Unavailable("the program is ending".to_owned());
        let Gathered {
            pool,
            script,
            patience,
            ..
        } = &*self.0;
        let answered = pool.in_time(since, *patience, script.verb, answer).await?;
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
        Ok(Some((Turn::new(self, at), wish)))
    }
}

impl Gathered {
    fn new(pool: &Arc<Pool>, script: &'static Script) -> Self {
        Self {
            pool: Arc::clone(pool),
            script,
            of_logs: None,
            patience: pool.longest(),
            crowd: None,
            rows: (0..pool.rows()).map(|_| Mutex::default()).collect(),
        }
    }

    /// For how many one script does it.
    fn together(&self) -> usize {
        if self.crowd.is_some() {
            TOGETHER_IN_CROWDS
        } else {
            TOGETHER
        }
    }

    /// How long the next of a row wait for more.
    fn pause(&self, row: usize) -> Duration {
        let is_full = |row: MutexGuard<'_, Row>| row.waiting.len() >= self.together();
        let Some(crowd) = &self.crowd else {
            return Duration::ZERO;
        };
        if self.row(row).is_ok_and(is_full) {
            return Duration::ZERO;
        }
        crowd.pause()
    }

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
            // Of one of them, which must not take the others with it. All verbs may be
            // repeated, but for `take`: of those before it one too many is taken.
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
        let (since, patience) = (last.since, self.patience);
        let answer = pool.run_since(since, patience, last.partition, self.script, args);
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
    fn new(gathering: &Gathering, row: usize) -> Self {
        Self {
            gathering: gathering.clone(),
            row,
            has_served: false,
            is_over: false,
        }
    }

    fn successor(&self) -> Self {
        Self::new(&self.gathering, self.row)
    }

    async fn serve(mut self, wishes: Vec<Wish>) {
        if !wishes.is_empty() {
            self.gathering.0.carry_out(wishes).await;
            self.has_served = true;
        }
    }

    async fn serve_after(mut self, pause: Duration) {
        sleep(pause).await;
        let next = self.next();
        self.serve(next).await;
    }

    /// The next of the row, without those who have given up; the row is free
    /// where there are none.
    fn next(&mut self) -> Vec<Wish> {
        let gathered = &self.gathering.0;
        let Ok(mut row) = gathered.row(self.row) else {
            return Vec::new();
        };
        let mut next = Vec::new();
        while next.len() < gathered.together()
            && let Some(wish) = row.waiting.pop_front()
        {
            if !wish.answered.is_closed() {
                next.push(wish);
            }
        }
        row.is_busy = !next.is_empty();
        self.is_over = !row.is_busy;
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            // Without a runtime nobody waits.
            self.next();
            return;
        };
        // Where a runtime ends, what is spawned is dropped at once: then nothing is
        // served, and no pause is made, so that this comes to an end.
        let pause = if self.has_served {
            self.gathering.0.pause(self.row)
        } else {
            Duration::ZERO
        };
        if !pause.is_zero() {
            runtime.spawn(self.successor().serve_after(pause));
            return;
        }
        let next = self.next();
        if !next.is_empty() {
            runtime.spawn(self.successor().serve(next));
        }
    }
}
