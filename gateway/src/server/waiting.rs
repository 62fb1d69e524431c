//! Connections from which a request is awaited: so many may wait as memory allows.
//!
//! One that waits, amid a handshake of TLS, for a request's head or for its body, costs some
//! 16 KiB, nobody has counted it yet, and to open it costs a stranger nothing. An honest client's
//! request comes within a few round trips. So where too many wait it is the one that has
//! waited longest that goes, and those who come get in all the while. So it is where too
//! much has come of requests that are not whole: then the one goes that began longest ago.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use metrics::Gauge;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::events;
use crate::seldom::Seldom;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Connections. Together they cost some 32 MiB.
    connections: usize,
    /// Of these, those whose body is awaited. Each costs some 40 KiB, for it is being answered.
    bodies: usize,
    /// Bytes that have come of handshakes and heads that are not whole: they take up to twice
    /// as much memory. Each may have some 60 KiB, and most come whole at once.
    head_bytes: usize,
    /// Bytes that have come of bodies that are not whole: those of servers that publish may be
    /// large, and many.
    body_bytes: usize,
}

impl Default for Most {
    fn default() -> Self {
        Self {
            connections: 2_000,
            bodies: 1_000,
            head_bytes: 2 << 20,
            body_bytes: 32 << 20,
        }
    }
}

/// How many that have to go may still be there. Nobody else is let in meanwhile: who opens
/// connections faster than others end would have any number of them.
const MOST_LEAVING: usize = 50;

/// All connections that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    most: Most,
    queue: Mutex<Queue>,
    /// One that had to go is not there any more.
    left: Notify,
    lines: Seldom,
}

/// By number, in the order in which they began to wait.
#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiting: BTreeMap<u64, One>,
    heads: Begun,
    bodies: Begun,
    /// How many have to go, and are still there.
    leaving: usize,
}

/// Those that have sent something of what is awaited; of bodies, whose head has come, all.
#[derive(Debug, Default)]
struct Begun {
    numbers: BTreeSet<u64>,
    /// How much all of these have.
    bytes: usize,
}

/// What is awaited of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A handshake, or a request's head.
    Head,
    Body,
}

/// One that waits.
#[derive(Debug)]
struct One {
    has_to_go: CancellationToken,
    what: What,
    bytes: usize,
}

impl Queue {
    fn remove(&mut self, number: u64) -> Option<One> {
        let one = self.waiting.remove(&number)?;
        waiting_changed(-1.0);
        let begun = self.begun(one.what);
        begun.numbers.remove(&number);
        begun.bytes -= one.bytes;
        Some(one)
    }

    fn begun(&mut self, what: What) -> &mut Begun {
        match what {
            What::Head => &mut self.heads,
            What::Body => &mut self.bodies,
        }
    }
}

impl Waiting {
    /// Where nobody waits yet.
    pub(super) fn new(most: Most) -> Self {
        Self {
            most,
            queue: Mutex::default(),
            left: Notify::new(),
            lines: Seldom::default(),
        }
    }

    /// A place for one connection, which does not wait yet.
    pub(super) fn place(self: &Arc<Self>) -> Place {
        Place {
            all: Arc::clone(self),
            number: Mutex::default(),
            has_to_go: CancellationToken::new(),
        }
    }

    /// Comes when somebody else may be let in.
    pub(super) async fn has_room(&self) {
        while lock(&self.queue).leaving > MOST_LEAVING {
            self.left.notified().await;
        }
    }

    fn begin(&self, what: What, has_to_go: &CancellationToken) -> u64 {
        let mut queue = lock(&self.queue);
        let number = queue.next;
        queue.next += 1;
        let one = One {
            has_to_go: has_to_go.clone(),
            what,
            bytes: 0,
        };
        queue.waiting.insert(number, one);
        waiting_changed(1.0);
        let longest = queue.waiting.first_key_value().map(|(number, _)| *number);
        if queue.waiting.len() > self.most.connections {
            self.hang_up(queue, longest);
        } else if what == What::Body {
            queue.bodies.numbers.insert(number);
            let longest = queue.bodies.numbers.first().copied();
            if queue.bodies.numbers.len() > self.most.bodies {
                self.hang_up(queue, longest);
            }
        }
        number
    }

    /// Of one that waits, so many bytes have come.
    fn came(&self, number: u64, bytes: usize) {
        let mut queue = lock(&self.queue);
        let Some(one) = queue.waiting.get_mut(&number) else {
            return;
        };
        one.bytes += bytes;
        let what = one.what;
        let most = match what {
            What::Head => self.most.head_bytes,
            What::Body => self.most.body_bytes,
        };
        let begun = queue.begun(what);
        begun.bytes += bytes;
        begun.numbers.insert(number);
        let longest = begun.numbers.first().copied();
        if begun.bytes > most {
            self.hang_up(queue, longest);
        }
    }

    fn hang_up(&self, mut queue: MutexGuard<'_, Queue>, number: Option<u64>) {
        let Some(one) = number.and_then(|number| queue.remove(number)) else {
            return;
        };
        // Both while nobody else looks: who goes sees by the one that they are in the other.
        queue.leaving += 1;
        one.has_to_go.cancel();
        drop(queue);
        hung_up(&self.lines);
    }
}

/// One connection, which waits or does not.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<Waiting>,
    number: Mutex<Option<u64>>,
    has_to_go: CancellationToken,
}

impl Place {
    /// A request, or the handshake before it, is awaited from now on.
    pub(super) fn wait(&self) {
        self.begin(What::Head);
    }

    /// A request's body is, of which so many bytes have come.
    pub(super) fn wait_for_body(&self, bytes: usize) {
        self.begin(What::Body);
        self.came(bytes);
    }

    fn begin(&self, what: What) {
        let mut number = lock(&self.number);
        // Who is told to go is not told so twice, for they leave but once.
        if number.is_none() && !self.has_to_go.is_cancelled() {
            *number = Some(self.all.begin(what, &self.has_to_go));
        }
    }

    /// What was awaited is there.
    pub(super) fn go_on(&self) {
        if let Some(number) = lock(&self.number).take() {
            lock(&self.all.queue).remove(number);
        }
    }

    /// So many bytes have come.
    pub(super) fn came(&self, bytes: usize) {
        let number = *lock(&self.number);
        if let Some(number) = number
            && bytes > 0
        {
            self.all.came(number, bytes);
        }
    }

    /// Comes when the connection has to make room for others.
    pub(super) async fn has_to_go(&self) {
        self.has_to_go.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.go_on();
        if self.has_to_go.is_cancelled() {
            lock(&self.all.queue).leaving -= 1;
            self.all.left.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So many more wait, or fewer.
fn waiting_changed(by: f64) {
    static WAITING: LazyLock<Gauge> = LazyLock::new(events::waiting);
    WAITING.increment(by);
}

/// Who waited longest had to make room.
fn hung_up(lines: &Seldom) {
    metrics::counter!("causerie_waiting_hung_up_total").increment(1);
    if lines.is_due() {
        tracing::warn!(
            "so many connections are open that send no whole request that the oldest of them \
             are hung up on: somebody may be holding them open on purpose"
        );
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn has_to_go(place: &Place) -> bool {
        place.has_to_go().now_or_never().is_some()
    }

    fn waiting(connections: usize) -> Arc<Waiting> {
        Arc::new(Waiting::new(Most {
            connections,
            bodies: 2,
            head_bytes: 100,
            body_bytes: 1_000,
        }))
    }

    #[test]
    fn who_has_waited_longest_makes_room() {
        let waiting = waiting(2);
        let places = [(); 4].map(|()| waiting.place());
        places.iter().for_each(Place::wait);
        assert_eq!(places.each_ref().map(has_to_go), [true, true, false, false]);
    }

    #[test]
    fn nobody_is_let_in_while_many_have_to_go() {
        let has_room = |waiting: &Waiting| waiting.has_room().now_or_never().is_some();
        let waiting = waiting(0);
        let mut places: Vec<_> = (0..=MOST_LEAVING).map(|_| waiting.place()).collect();
        places[1..].iter().for_each(Place::wait);
        assert!(has_room(&waiting));
        places[0].wait();
        assert!(!has_room(&waiting));
        // Who was not told to go makes no room by going, and the others do so once.
        drop(waiting.place());
        assert!(!has_room(&waiting));
        drop(places.pop());
        assert!(has_room(&waiting));
    }

    #[test]
    fn who_waits_anew_though_told_to_go_leaves_once() {
        let waiting = waiting(0);
        let place = waiting.place();
        place.wait();
        place.go_on();
        place.wait();
        drop(place);
        assert_eq!(lock(&waiting.queue).leaving, 0);
    }

    #[test]
    fn who_began_longest_ago_makes_room_where_much_has_come() {
        let waiting = waiting(10);
        let [silent, first, second, third] = [(); 4].map(|()| waiting.place());
        for place in [&silent, &first, &second, &third] {
            place.wait();
        }
        first.came(30);
        second.came(60);
        assert!(!has_to_go(&first));
        // Who says nothing takes nothing.
        third.came(20);
        let gone = [&silent, &first, &second, &third].map(has_to_go);
        assert_eq!(gone, [false, true, false, false]);
        // What it had sent is not there any more, nor what comes of it now.
        first.came(50);
        third.came(20);
        second.go_on();
        third.came(60);
        assert!(!has_to_go(&second) && !has_to_go(&third));
        third.came(1);
        assert!(has_to_go(&third));
    }

    #[test]
    fn bodies_may_be_longer_than_heads_and_make_room_for_bodies() {
        let waiting = waiting(10);
        let [head, first, second] = [(); 3].map(|()| waiting.place());
        head.wait();
        head.came(90);
        first.wait_for_body(500);
        second.wait_for_body(400);
        assert!(![&head, &first, &second].into_iter().any(has_to_go));
        second.came(200);
        assert_eq!(
            [&head, &first, &second].map(has_to_go),
            [false, true, false]
        );
        // Nor may so many be awaited as heads are.
        let third = waiting.place();
        third.wait_for_body(0);
        let fourth = waiting.place();
        fourth.wait_for_body(0);
        assert_eq!(
            [&second, &third, &fourth].map(has_to_go),
            [true, false, false]
        );
        // The next request is a head again.
        let second = waiting.place();
        second.wait_for_body(0);
        second.go_on();
        second.wait();
        second.came(20);
        assert_eq!([&head, &second].map(has_to_go), [true, false]);
    }

    #[test]
    fn whose_request_is_there_does_not_wait() {
        let waiting = waiting(2);
        let [asked, gone, first, second, third] = [(); 5].map(|()| waiting.place());
        asked.wait();
        asked.go_on();
        gone.wait();
        drop(gone);
        first.wait();
        second.wait();
        assert!(!has_to_go(&asked) && !has_to_go(&first));
        // Its next request counts from when that is awaited.
        asked.wait();
        third.wait();
        assert!(has_to_go(&first) && has_to_go(&second) && !has_to_go(&asked));
    }
}
