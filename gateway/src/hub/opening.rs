//! Opens rooms: begins to hear them, and reads them.
//!
//! A room that is opened by itself costs the bus two steps. When a crowd comes
//! over from a gateway that died, a room for each, those are gathered for a
//! while, the longer the more come: so they cost few steps for each partition,
//! however many they are.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use causerie_shared::bus::log::{Look, Page};
use causerie_shared::bus::subscription::Subscriptions;
use causerie_shared::bus::{Bus, BusError};
use futures::future::join_all;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::TaskTracker;

use super::shard::PAGE;

/// How many rooms may wait to be gathered.
const QUEUE: usize = 4_096;

/// How many rooms are opened together at the most.
const TOGETHER: usize = 8_192;

/// So many rooms a second are each opened at once.
const UNGATHERED_A_SECOND: f64 = 16.0;

/// How much longer rooms are gathered for each that came within a second, while
/// another was being opened.
const LONGER_FOR_EACH: Duration = Duration::from_millis(1);

/// The longest that a room waits for others. People wait with it, and where they
/// keep coming there is no lull.
const LONGEST: Duration = Duration::from_millis(500);

/// Where nobody came for so long a crowd is there, and is waited for no longer.
const LULL: Duration = Duration::from_millis(100);

/// Of so many partitions rooms are opened at the same time: the bus carries out what it is asked
/// for in order, and others ask it meanwhile.
const PARTITIONS_AT_ONCE: usize = 4;

/// How long a partition keeps others waiting: it may lie on a node that hangs.
const TURN: Duration = Duration::from_millis(50);

/// A room that is to be opened, and who waits for what was read.
struct Wish {
    look: Look,
    /// Whether others were waiting when it came. One who opens one room after
    /// the other is no crowd, however many those are.
    has_company: bool,
    opened: oneshot::Sender<Result<Page, BusError>>,
}

/// Opens rooms. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Opener {
    wishes: mpsc::Sender<Wish>,
    /// How many rooms are being opened.
    being_opened: Arc<AtomicUsize>,
}

impl Opener {
    /// Starts to gather, until all clones are gone.
    pub(super) fn start(
        bus: Arc<dyn Bus>,
        subscriptions: Arc<dyn Subscriptions>,
        tasks: &TaskTracker,
    ) -> Self {
        let (wishes, waiting) = mpsc::channel(QUEUE);
        tasks.spawn(run(bus, subscriptions, waiting, tasks.clone()));
        Self {
            wishes,
            being_opened: Arc::default(),
        }
    }

    /// Hears a room, and reads it. What is published after the read is heard.
    pub(super) async fn open(&self, look: Look) -> Result<Page, BusError> {
        let others = self.being_opened.fetch_add(1, Ordering::Relaxed);
        let page = self.open_with(look, others > 0).await;
        self.being_opened.fetch_sub(1, Ordering::Relaxed);
        page
    }

    async fn open_with(&self, look: Look, has_company: bool) -> Result<Page, BusError> {
        let (opened, page) = oneshot::channel();
        let wish = Wish {
            look,
            has_company,
            opened,
        };
        self.wishes.send(wish).await.map_err(|_| stopping())?;
        page.await.map_err(|_| stopping())?
    }
}

fn stopping() -> BusError {
    BusError::Unavailable("the node is stopping".to_owned())
}

async fn run(
    bus: Arc<dyn Bus>,
    subscriptions: Arc<dyn Subscriptions>,
    mut waiting: mpsc::Receiver<Wish>,
    tasks: TaskTracker,
) {
    let mut rush = Rush::new(bus.rewards_company());
    let turns = Arc::new(Semaphore::new(PARTITIONS_AT_ONCE));
    while let Some(wishes) = gather(&mut waiting, &mut rush).await {
        tasks.spawn(open_all(
            Arc::clone(&bus),
            Arc::clone(&subscriptions),
            wishes,
            Arc::clone(&turns),
        ));
    }
}

/// The next room and those that come while it waits; `None` where nobody can
/// have any more.
async fn gather(waiting: &mut mpsc::Receiver<Wish>, rush: &mut Rush) -> Option<Vec<Wish>> {
    let first = waiting.recv().await?;
    let began = Instant::now();
    let mut last = began;
    rush.count(&first, began);
    let mut wishes = vec![first];
    while wishes.len() < TOGETHER {
        let until = (began + rush.worth_waiting()).min(last + LULL);
        tokio::select! {
            biased;
            wish = waiting.recv() => {
                let Some(wish) = wish else { break };
                last = Instant::now();
                rush.count(&wish, last);
                wishes.push(wish);
            }
            () = sleep_until(until) => break,
        }
    }
    Some(wishes)
}

/// Each partition by itself, a few at a time.
async fn open_all(
    bus: Arc<dyn Bus>,
    subscriptions: Arc<dyn Subscriptions>,
    wishes: Vec<Wish>,
    turns: Arc<Semaphore>,
) {
    let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for wish in wishes {
        let partition = wish.look.room.partition().index();
        by_partition.entry(partition).or_default().push(wish);
    }
    let opening = by_partition
        .into_values()
        .map(|wishes| in_turn(&turns, open_partition(&*bus, &*subscriptions, wishes)));
    join_all(opening).await;
}

/// Does it when there is a turn for it, which is the next one's after a while in any case.
async fn in_turn(turns: &Semaphore, opening: impl Future<Output = ()>) {
    let turn = turns.acquire().await;
    let mut opening = pin!(opening);
    let opened = timeout(TURN, opening.as_mut()).await;
    drop(turn);
    if opened.is_err() {
        opening.await;
    }
}

async fn open_partition(bus: &dyn Bus, subscriptions: &dyn Subscriptions, wishes: Vec<Wish>) {
    let rooms: Vec<_> = wishes.iter().map(|wish| wish.look.room.clone()).collect();
    // In this order: what is published after the read is then heard.
    let heard = subscriptions.subscribe_all(&rooms).await;
    let mut to_read = Vec::new();
    for (wish, heard) in wishes.into_iter().zip(heard) {
        match heard {
            Ok(()) => to_read.push(wish),
            Err(error) => wish.end(Err(error)),
        }
    }
    let looks: Vec<_> = to_read.iter().map(|wish| wish.look.clone()).collect();
    let pages = bus.read_all(&looks, PAGE).await;
    for (wish, page) in to_read.into_iter().zip(pages) {
        wish.end(page);
    }
}

impl Wish {
    fn end(self, page: Result<Page, BusError>) {
        // Who asked ends with the node.
        let _ = self.opened.send(page);
    }
}

/// How many rooms came of late in company.
#[derive(Debug)]
struct Rush {
    /// The longest that it is worth waiting.
    longest: Duration,
    /// Those that came just now in full, less for each that is longer ago, none
    /// after a second.
    recent: f64,
    last: Option<Instant>,
}

impl Rush {
    fn new(rewards_company: bool) -> Self {
        Self {
            longest: if rewards_company {
                LONGEST
            } else {
                Duration::ZERO
            },
            recent: 0.0,
            last: None,
        }
    }

    fn count(&mut self, wish: &Wish, now: Instant) {
        let since = self.last.map_or(0.0, |last| (now - last).as_secs_f64());
        self.recent *= (1.0 - since).max(0.0);
        if wish.has_company {
            self.recent += 1.0;
        }
        self.last = Some(now);
    }

    fn worth_waiting(&self) -> Duration {
        LONGER_FOR_EACH
            .mul_f64((self.recent - UNGATHERED_A_SECOND).max(0.0))
            .min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::interval;

    use super::*;
    use crate::hub::testing::room;

    /// One of a crowd.
    fn wish() -> Wish {
        let (opened, _) = oneshot::channel();
        let look = Look {
            room: room(),
            after: None,
        };
        Wish {
            look,
            has_company: true,
            opened,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn partitions_that_hang_hold_up_others_for_a_turn() {
        let turns = Semaphore::new(PARTITIONS_AT_ONCE);
        let hanging = (0..PARTITIONS_AT_ONCE).map(|_| in_turn(&turns, pending()));
        let began = Instant::now();
        tokio::select! {
            biased;
            _ = join_all(hanging) => panic!("they hang"),
            () = in_turn(&turns, ready(())) => {}
        }
        assert_eq!(began.elapsed(), TURN);
    }

    #[tokio::test]
    async fn who_comes_while_others_wait_is_in_company() {
        let (wishes, mut waiting) = mpsc::channel(QUEUE);
        let opener = Opener {
            wishes,
            being_opened: Arc::default(),
        };
        for _ in 0..3 {
            let looks = [wish(), wish(), wish()].map(|wish| wish.look);
            let opening = join_all(looks.map(|look| opener.open(look)));
            let ending = async {
                for has_company in [false, true, true] {
                    let wish = waiting.recv().await.unwrap();
                    assert_eq!(wish.has_company, has_company);
                    wish.end(Err(stopping()));
                }
            };
            tokio::join!(opening, ending);
        }
    }

    /// How long it is worth waiting after each of so many, at so many a second.
    fn waits(count: u32, a_second: u32, has_company: bool) -> Vec<Duration> {
        let (began, mut rush) = (Instant::now(), Rush::new(true));
        let waits = (0..count).map(|number| {
            let now = began + Duration::from_secs(1) * number / a_second;
            let wish = Wish {
                has_company,
                ..wish()
            };
            rush.count(&wish, now);
            rush.worth_waiting()
        });
        waits.collect()
    }

    #[test]
    fn a_few_do_not_wait() {
        assert!(waits(100, 10, true).iter().all(Duration::is_zero));
    }

    #[test]
    fn one_who_opens_room_after_room_does_not_wait() {
        assert!(waits(1_000, 1_000, false).iter().all(Duration::is_zero));
    }

    #[test]
    fn a_crowd_is_waited_for_until_it_is_there_but_not_for_ever() {
        let waits = waits(20_000, 10_000, true);
        let came = |number: u32| Duration::from_secs(1) * number / 10_000;
        assert!(waits[100] > came(100) && waits[1_000] > came(1_000));
        assert!(waits.iter().all(|wait| *wait <= LONGEST));
        assert_eq!(waits.last(), Some(&LONGEST));
    }

    #[tokio::test]
    async fn what_comes_together_is_opened_together() {
        let (sender, mut waiting) = mpsc::channel(QUEUE);
        for _ in 0..1_000 {
            assert!(sender.try_send(wish()).is_ok());
        }
        drop(sender);
        let mut rush = Rush::new(true);
        let wishes = gather(&mut waiting, &mut rush).await;
        assert_eq!(wishes.unwrap().len(), 1_000);
        assert!(gather(&mut waiting, &mut rush).await.is_none());
    }

    /// Two thousand a second. How many are opened together then, and how long the
    /// first of them waits.
    async fn in_a_stream(rewards_company: bool) -> Vec<(usize, Duration)> {
        let (sender, mut waiting) = mpsc::channel(QUEUE);
        let coming = tokio::spawn(async move {
            let mut pace = interval(Duration::from_millis(1));
            for _ in 0..4_000 {
                pace.tick().await;
                for _ in 0..2 {
                    sender.send(wish()).await.unwrap();
                }
            }
        });
        let (mut rush, mut opened) = (Rush::new(rewards_company), Vec::new());
        while !coming.is_finished() {
            let asked = Instant::now();
            if let Some(wishes) = gather(&mut waiting, &mut rush).await {
                opened.push((wishes.len(), asked.elapsed()));
            }
        }
        opened
    }

    #[tokio::test(start_paused = true)]
    async fn while_others_keep_coming_nobody_waits_for_long() {
        let opened = in_a_stream(true).await;
        let longest = opened.iter().map(|(_, wait)| *wait).max().unwrap();
        assert!(longest < Duration::from_millis(600), "{longest:?}");
        assert!(opened.iter().any(|(count, _)| *count > 900), "{opened:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_what_costs_nothing() {
        let opened = in_a_stream(false).await;
        let longest = opened.iter().map(|(_, wait)| *wait).max().unwrap();
        assert!(longest <= Duration::from_millis(2), "{longest:?}");
    }
}
