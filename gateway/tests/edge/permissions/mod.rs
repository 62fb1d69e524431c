//! Who may do what: every cell of the table is tried, on every way there is, with real
//! tokens and keys, at another gateway than the one that has issued all of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

use futures::future::join_all;

use crate::support::pair::Pair;
use callers::{Caller, FOREIGN, KINDS, OWN, Tenant};
use ground::{Ground, Place};
use tries::{ACTS, Outcome, ROOMLESS, Try, Trying};

mod callers;
mod ground;
mod tries;

/// Act and place.
type Row = (&'static str, &'static str);

/// Nobody answers a question here, and many wait; the audit log is there to be read.
const SET: &str = "[ai]\nmessage_timeout = \"300ms\"\n\
                   [audit]\nenabled = true\n\
                        [limits]\nqueued_per_user = 10000\nqueued_per_tenant = 100000\n";

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
fn expected() -> BTreeMap<(String, String, String), Outcome> {
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
    expected
}

/// What all kinds of callers of `tenant` meet with in the own tenant's rooms.
async fn walk(pair: &Pair, tenant: Tenant, names_tenant: bool, acts: &[&'static str]) -> Walked {
    let ground = &Ground::new(pair);
    let walks = KINDS.map(|kind| async move {
        let caller = &Caller::new(&pair.here, tenant, kind).await;
        let mut trying = Trying::new(ground, caller, names_tenant).await;
        let mut met = Vec::new();
        for act in acts {
            if ROOMLESS.contains(act) {
                met.push((((*act, NOWHERE), kind), trying.act_nowhere(act).await));
                continue;
            }
            for place in Place::ALL {
                let tries = trying.act_in(act, place).await;
                met.push((((*act, place.name()), kind), tries));
            }
        }
        met
    });
    join_all(walks).await.into_iter().flatten().collect()
}

fn all_acts() -> Vec<&'static str> {
    ACTS.iter().chain(&ROOMLESS).copied().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_may_what_the_list_says_and_nothing_else() {
    let expected = expected();
    let pair = Pair::with(SET).await;
    let walked = walk(&pair, OWN, false, &all_acts()).await;
    let mut wrong = String::new();
    for (((act, place), kind), tries) in &walked {
        let cell = ((*act).to_owned(), (*place).to_owned(), (*kind).to_owned());
        let said = expected.get(&cell);
        assert!(said.is_some(), "expected.txt has no line for {cell:?}");
        for (way, met) in tries.iter().filter(|(_, met)| Some(met) != said) {
            let _ = writeln!(
                wrong,
                "{act}, {place}, {kind} over {way}: {met:?}, not {said:?}"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // And nothing is listed that was not tried.
    let foreign = KINDS.len();
    assert_eq!(walked.len() + foreign, expected.len());
    check_page(&page(&walked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_may_anything_of_another_tenant() {
    let expected = expected();
    let pair = Pair::with(SET).await;
    let named = walk(&pair, FOREIGN, true, &all_acts()).await;
    // What has an id that tells where it is.
    let by_id = [
        "reply",
        "cancel",
        "delete own",
        "delete any",
        "see connection",
        "end connection",
    ];
    let unnamed = walk(&pair, FOREIGN, false, &by_id).await;
    for (((act, place), kind), tries) in named.iter().chain(&unnamed) {
        let cell = ("foreign".to_owned(), NOWHERE.to_owned(), (*kind).to_owned());
        for (way, met) in tries {
            assert_eq!(*met, expected[&cell], "{act}, {place}, {kind} over {way}");
        }
    }
}

/// The table of `docs/permissions.md`.
fn page(walked: &Walked) -> String {
    let tries: usize = walked.values().map(Vec::len).sum();
    let mut page = format!(
        "# Who may do what\n\n\
         What everybody met with who tried it: one of each kind, in each kind of room, over WebSocket,\n\
         event streams and HTTP, {tries} tries, at another gateway than the one that had issued tokens,\n\
         keys and messages. The test `gateway/tests/edge/permissions` tries all of it, compares it with the\n\
         list that is kept by hand (`expected.txt` there), and writes this page:\n\
         `WRITE_DOCS=1 cargo test -p causerie-gateway --test edge permissions`. What decides is one table,\n\
         `gateway/src/permission.rs`.\n\n\
         Rooms are what they are to the one who tries: their own, that of a project which their token\n\
         names. An [API key](server-api.md#api-keys) has no room of its own, takes part in every project of\n\
         its tenant, and is for history and the server API alone. A *visitor* came without a token; all\n\
         others with a token are *users*, and may have roles besides. To *read* is to tell the room how far\n\
         one has read, and to see *presence* to ask who is in a room; *any* message is another's, or a\n\
         reply. *announcements*: of what is there they see announcements alone.\n\n\
         Of another tenant nobody may anything: who names it is refused, and what is in it is not found.\n\n"
    );
    let _ = writeln!(page, "| act | where | {} |", KINDS.join(" | "));
    let _ = writeln!(page, "|{}", "---|".repeat(KINDS.len() + 2));
    for (act, place) in rows() {
        let place_shown = if place == NOWHERE { "" } else { place };
        let cells = KINDS.map(|kind| match walked[&((act, place), kind)][0].1 {
            Outcome::Yes => "yes",
            Outcome::Announcements => "announcements",
            Outcome::No => "–",
        });
        let _ = writeln!(page, "| {act} | {place_shown} | {} |", cells.join(" | "));
    }
    page
}

fn check_page(page: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../docs/permissions.md"]
        .iter()
        .collect();
    if env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, page).unwrap();
    }
    let current = fs::read_to_string(&path).unwrap_or_default();
    let again = "WRITE_DOCS=1 cargo test -p causerie-gateway --test edge permissions";
    assert_eq!(
        current, page,
        "docs/permissions.md is not current; to write it again: {again}"
    );
}
