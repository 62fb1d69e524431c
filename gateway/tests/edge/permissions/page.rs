//! `docs/permissions.md`: each of its two parts is written by the test that shows it.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use super::callers::{KINDS, OWN};
use super::tries::{Outcome, Try};
use super::{NOWHERE, Walked, rows};

/// With which the second part begins.
const SECOND: &str = "## Of another tenant\n";

/// What everybody may of their own tenant's.
pub(super) fn first_part(walked: &Walked) -> String {
    let tries: usize = walked.values().map(Vec::len).sum();
    let mut part = format!(
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
         others with a token are *users*, and may have roles besides. *tenant:admin* has a token under the\n\
         tenant's own key that names the roles `admin` and `operator`, of which the latter counts for\n\
         nothing there; the other tokens are under the operator's key. To *read* is to tell the room how far\n\
         one has read, and to see *presence* to ask who is in a room; *any* message is another's, or a\n\
         reply; *any audit* is the audit log of another tenant; *see status* is [how the installation\n\
         fares](status.md), which is of all tenants together. *announcements*: of what is there they see\n\
         announcements alone.\n\n"
    );
    let _ = writeln!(part, "| act | where | {} |", KINDS.join(" | "));
    let _ = writeln!(part, "|{}", "---|".repeat(KINDS.len() + 2));
    for (act, place) in rows() {
        let place_shown = if place == NOWHERE { "" } else { place };
        let cells = KINDS.map(|kind| shown(walked[&((act, place), kind)][0].1));
        let _ = writeln!(part, "| {act} | {place_shown} | {} |", cells.join(" | "));
    }
    part.push('\n');
    part
}

/// What strangers met with.
pub(super) struct Strangers<'a> {
    /// Where they asked as they ask in their own tenant.
    pub(super) unnamed: &'a Walked,
    pub(super) positioned: &'a Walked,
    pub(super) named: &'a Walked,
    pub(super) by_id: &'a Walked,
    pub(super) forged: &'a Walked,
}

/// What everybody may of another tenant's.
pub(super) fn second_part(met: &Strangers<'_>) -> String {
    let tries = || met.unnamed.values().flatten();
    let done = tries().filter(|(_, outcome)| *outcome != Outcome::No);
    let (all, done) = (tries().count(), done.count());
    let mut part = format!(
        "{SECOND}\n\
         Nobody may anything of another tenant's, but for *any audit* and *see status* above. One of each kind came from a\n\
         tenant of its own, where the rooms and the users have the same names. They did what they may there,\n\
         {done} of {all} tries in rooms called `project:p1`, `user:another`, `tenant` and so on; to rule over\n\
         `victim` ended nobody else of that name. Meanwhile our people were in our rooms at both gateways:\n\
         history and presence were the same before and after, nobody heard anything, and nothing of ours was\n\
         in anything that the others were sent. Then they named our tenant, and what is ours by its place or\n\
         its id; and one had a token that names our tenant, under a key of theirs:\n\n"
    );
    let _ = writeln!(part, "| what | tries | {} |", KINDS.join(" | "));
    let _ = writeln!(part, "|{}", "---|".repeat(KINDS.len() + 2));
    let named = format!("our tenant by name, as in `?t={}`", OWN.hash);
    for (what, walked) in [
        (&*named, met.named),
        ("our positions, in rooms of theirs", met.positioned),
        ("replies, messages and connections by their ids", met.by_id),
        ("a token of ours that they made", met.forged),
    ] {
        let tries: usize = walked.values().map(Vec::len).sum();
        let cells = KINDS.map(|kind| most(walked, kind).map_or("", shown));
        let _ = writeln!(part, "| {what} | {tries} | {} |", cells.join(" | "));
    }
    part.push_str("\nWhere a cell is empty nobody of that kind could try.\n");
    part
}

/// The most that one of that kind was let do, if one tried.
fn most(walked: &Walked, kind: &str) -> Option<Outcome> {
    let of_kind = walked.iter().filter(|((_, of), _)| *of == kind);
    let tries = of_kind.flat_map(|(_, tries)| tries);
    tries.map(|(_, outcome): &Try| *outcome).min()
}

fn shown(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Yes => "yes",
        Outcome::Announcements => "announcements",
        Outcome::No => "–",
    }
}

/// Checks a part of the page, or writes it.
pub(super) fn check(part: &str) {
    // The tests that write the parts run side by side.
    static PAGE: Mutex<()> = Mutex::new(());
    let _page = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../docs/permissions.md"]
        .iter()
        .collect();
    let (first, second) = parts(&path);
    let current = if part.starts_with(SECOND) {
        second.clone()
    } else {
        first.clone()
    };
    if env::var_os("WRITE_DOCS").is_some() {
        let written = if part.starts_with(SECOND) {
            first + part
        } else {
            part.to_owned() + &second
        };
        return fs::write(&path, written).unwrap();
    }
    let again = "WRITE_DOCS=1 cargo test -p causerie-gateway --test edge permissions";
    assert_eq!(
        current, part,
        "docs/permissions.md is not current; to write it again: {again}"
    );
}

fn parts(path: &PathBuf) -> (String, String) {
    let page = fs::read_to_string(path).unwrap_or_default();
    let second = page.find(SECOND).unwrap_or(page.len());
    let (first, second) = page.split_at(second);
    (first.to_owned(), second.to_owned())
}
