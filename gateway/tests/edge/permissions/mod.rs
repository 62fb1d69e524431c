//! Who may do what: every cell of the table is tried, on every way there is, with real
//! tokens and keys, at another gateway than the one that has issued all of it.

use std::collections::BTreeMap;
use std::fmt::Write;

use futures::future::join_all;

use crate::support::pair::Pair;
use callers::{Caller, FOREIGN, KINDS, OWN, Tenant};
use ground::{Ground, Place};
use page::Strangers;
use tries::{ACTS, ANY_AUDIT, Outcome, ROOMLESS, SEE_STATUS, Try, Trying};
use watch::Watch;

mod asking;
mod callers;
mod ground;
mod page;
mod tries;
mod watch;

/// Act and place.
type Row = (&'static str, &'static str);

/// Nobody answers a question here, and many wait; the audit log is there to be read.
fn set() -> String {
    let tenants = [OWN, FOREIGN].map(Tenant::configured).concat();
    format!(
        "[ai]\nmessage_timeout = \"300ms\"\n\
         [audit]\nenabled = true\n\
         [limits]\nqueued_per_user = 10000\nqueued_per_tenant = 100000\n{tenants}"
    )
}

/// What of another tenant is asked for by its name, and by the ids of what is there.
const NAMED: Row = ("another tenant's", "by name");
const BY_ID: Row = ("another tenant's", "by id");

/// Acts that name what they are about by an id, which tells where that is.
const NAMING_IDS: [&str; 6] = [
    "reply",
    "cancel",
    "delete own",
    "delete any",
    "see connection",
    "end connection",
];

/// All others: what they name is there in each tenant.
const NAMING_NO_TENANT: [&str; 15] = [
    "hear",
    "history",
    "say",
    "type",
    "read",
    "publish",
    "presence",
    "status",
    "authenticate",
    "list connections",
    "disconnect",
    "revoke",
    "audit",
    ANY_AUDIT,
    SEE_STATUS,
];

/// Where an act is of no room.
const NOWHERE: &str = "-";

/// What each kind of caller met with.
type Walked = BTreeMap<(Row, &'static str), Vec<Try>>;

/// The rows of the table, as they are shown.
fn rows() -> Vec<Row> {
    let in_rooms = ACTS.iter().flat_map(|act| {
        let places = Place::ALL.iter();
        places.map(move |place| (*act, place.name()))
    });
    let roomless = ROOMLESS.iter().map(|act| (*act, NOWHERE));
    in_rooms.chain(roomless).collect()
}

/// What is kept by hand.
struct Expected(BTreeMap<(String, String, String), Outcome>);

impl Expected {
    fn read() -> Self {
        let lines = include_str!("expected.txt").lines();
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let cells = |line: &'static str| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
        };
        let kinds: Vec<_> = cells(lines.next().unwrap()).skip(2).collect();
        assert_eq!(kinds, KINDS);
        let mut expected = BTreeMap::new();
        for line in lines {
            let cells: Vec<_> = cells(line).collect();
            assert_eq!(cells.len(), KINDS.len() + 2, "{line}");
            for (kind, cell) in KINDS.iter().zip(&cells[2..]) {
                let outcome = match *cell {
                    "yes" => Outcome::Yes,
                    "announcements" => Outcome::Announcements,
                    "no" => Outcome::No,
                    other => panic!("no outcome: {other}"),
                };
                let row = (cells[0].to_owned(), cells[1].to_owned(), (*kind).to_owned());
                let before = expected.insert(row, outcome);
                assert!(before.is_none(), "twice: {line}");
            }
        }
        Self(expected)
    }

    fn of(&self, (act, place): Row, kind: &str) -> Outcome {
        let cell = (act.to_owned(), place.to_owned(), kind.to_owned());
        let said = self.0.get(&cell);
        *said.unwrap_or_else(|| panic!("expected.txt has no line for {cell:?}"))
    }
}

/// What `callers` meet with in the rooms of `ground`.
async fn walk(
    ground: &Ground<'_>,
    callers: &[Caller],
    names_tenant: bool,
    acts: &[&'static str],
    places: &[Place],
) -> Walked {
    let walks = callers.iter().map(|caller| async move {
        let kind = caller.kind;
        let mut trying = Trying::new(ground, caller, names_tenant).await;
        let mut met = Vec::new();
        for act in acts {
            if ROOMLESS.contains(act) {
                met.push((((*act, NOWHERE), kind), trying.act_nowhere(act).await));
                continue;
            }
            for place in places {
                let tries = trying.act_in(act, *place).await;
                met.push((((*act, place.name()), kind), tries));
            }
        }
        trying.check_all_heard().await;
        met
    });
    join_all(walks).await.into_iter().flatten().collect()
}

/// What `strangers` meet with in the rooms of their `home` who name positions in those of
/// `own`.
async fn walk_from_positions(home: &Ground<'_>, own: &Ground<'_>, strangers: &[Caller]) -> Walked {
    let mut walked = Walked::new();
    for room in ["tenant", "project:p1"] {
        let epoch = own.fill(room).await;
        for stranger in strangers {
            let trying = Trying::new(home, stranger, false).await;
            let tries = trying.hear_from(room, &epoch).await;
            walked.insert((("hear", room), stranger.kind), tries);
        }
    }
    walked
}

fn all_acts() -> Vec<&'static str> {
    ACTS.iter().chain(&ROOMLESS).copied().collect()
}

/// What of `walked` is not as `expected` says.
fn wrong(walked: &Walked, expected: impl Fn(Row, &str) -> Outcome) -> String {
    let mut wrong = String::new();
    for (((act, place), kind), tries) in walked {
        let said = expected((*act, *place), kind);
        for (way, met) in tries.iter().filter(|(_, met)| *met != said) {
            let _ = writeln!(
                wrong,
                "{act}, {place}, {kind} over {way}: {met:?}, not {said:?}"
            );
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_may_what_the_list_says_and_nothing_else() {
    let expected = Expected::read();
    let pair = Pair::with(&set()).await;
    let own = Ground::of(&pair, OWN);
    let callers = Caller::of_each_kind(&pair.here, OWN).await;
    let walked = walk(&own, &callers, false, &all_acts(), &Place::ALL).await;
    assert_eq!(wrong(&walked, |row, kind| expected.of(row, kind)), "");
    // And nothing is listed that was not tried.
    let strangers = [NAMED, BY_ID].len() * KINDS.len();
    assert_eq!(walked.len() + strangers, expected.0.len());
    page::check(&page::first_part(&walked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_may_anything_of_another_tenant() {
    let expected = Expected::read();
    let pair = Pair::with(&set()).await;
    let (own, foreign) = (Ground::of(&pair, OWN), Ground::of(&pair, FOREIGN));
    let strangers = &Caller::of_each_kind(&pair.here, FOREIGN).await;

    // They do what they may at home, where all names are as ours.
    let mut watch = Watch::over(&own).await;
    let unnamed = walk(&foreign, strangers, false, &NAMING_NO_TENANT, &Place::ALL).await;
    assert_eq!(wrong(&unnamed, |row, kind| expected.of(row, kind)), "");
    watch.expect_nothing().await;

    // At the door it is all one which room somebody wants.
    let one = &[Place::OwnProject];
    let (all, forger) = (all_acts(), [Caller::forger()]);
    let (positioned, named, by_id, forged) = tokio::join!(
        walk_from_positions(&foreign, &own, strangers),
        walk(&own, strangers, true, &all, one),
        walk(&own, strangers, false, &NAMING_IDS, &Place::ALL),
        walk(&own, &forger, false, &all, &Place::ALL),
    );
    assert_eq!(wrong(&positioned, |_, kind| expected.of(BY_ID, kind)), "");
    assert_eq!(wrong(&named, |_, kind| expected.of(NAMED, kind)), "");
    assert_eq!(wrong(&by_id, |_, kind| expected.of(BY_ID, kind)), "");
    assert_eq!(wrong(&forged, |_, kind| expected.of(NAMED, kind)), "");
    watch.expect_all_stands().await;
    let met = Strangers {
        unnamed: &unnamed,
        positioned: &positioned,
        named: &named,
        by_id: &by_id,
        forged: &forged,
    };
    page::check(&page::second_part(&met));
}
