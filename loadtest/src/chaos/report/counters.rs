//! What the counters of a run count, for people who read them.

/// By name. `docs/chaos.md` has the same.
const EXPLAINED: [(&str, &str); 33] = [
    (
        "handshakes that failed",
        "Somebody came, and was not let in.",
    ),
    ("people", "How many people talked, in all rounds."),
    ("questions", "Messages that ask the AI."),
    (
        "events dropped for slow readers",
        "Somebody read so slowly that pieces or signs of typing were left out; one snapshot made up for them.",
    ),
    (
        "fenced writes refused",
        "A broker wanted to add to a reply that another had taken over, or that was lost with the storage.",
    ),
    (
        "gaps repaired",
        "A gateway found a hole in what it had heard, and filled it from the log.",
    ),
    (
        "late records dropped",
        "A record came twice, or behind one that followed it, and was not shown again.",
    ),
    (
        "questions handed to the fallback",
        "Another AI was asked, because the first one failed or was left alone.",
    ),
    (
        "recoveries from the log",
        "Somebody who came back was given what was missed from Redis.",
    ),
    (
        "recoveries from the tail",
        "Somebody who came back was given what was missed from the gateway's memory.",
    ),
    (
        "repeated messages",
        "A message came once more under the same id, and was stored once.",
    ),
    (
        "snapshots",
        "A gateway sent a reply so far, in place of its pieces.",
    ),
    (
        "takeovers",
        "A broker went on with a reply whose broker had died.",
    ),
    ("calls of the AI", "How often brokers asked the AI."),
    ("connections", "How often somebody was let in."),
    (
        "durable events seen",
        "Messages and replies that came to people, each counted for everybody.",
    ),
    (
        "errors answered",
        "How often somebody was refused something, for a while or for good.",
    ),
    (
        "fail-overs that nobody planned",
        "Another server of the storage took over by itself.",
    ),
    ("faults", "How often a fault struck."),
    (
        "messages acknowledged",
        "Messages whose <code>ack</code> came, repeats included.",
    ),
    (
        "messages lost in fail-overs that nobody planned",
        "Acknowledged messages that are gone, as such a fail-over explains.",
    ),
    (
        "messages lost with the storage",
        "Acknowledged messages that are gone, as a fault explains that lets the storage lose them.",
    ),
    (
        "messages refused",
        "Messages that were refused for good, and stand nowhere.",
    ),
    (
        "pieces of replies seen",
        "Pieces of replies that came to people, each counted for everybody.",
    ),
    (
        "questions answered",
        "Questions whose reply stands in the log.",
    ),
    (
        "replies cancelled",
        "Replies that somebody ended, and that ended.",
    ),
    (
        "replies seen to their last word",
        "All pieces of a reply came to somebody before its whole text did.",
    ),
    (
        "replies that failed for a fault",
        "Replies that ended with an error, which a fault explains.",
    ),
    (
        "replies to be cancelled",
        "How often somebody wanted a reply to end.",
    ),
    (
        "replies whose last words came with their end",
        "The last pieces of a reply came to somebody only with its whole text; many would mean that they are withheld.",
    ),
    (
        "restarts seen",
        "Somebody was told that a reply begins again.",
    ),
    (
        "snapshots seen",
        "A reply so far came to somebody, in place of its pieces.",
    ),
    (
        "times told that something is lost",
        "Somebody came back, and was told <code>recovered:false</code>.",
    ),
];

/// What a counter of this name counts, in a sentence; empty where nobody knows.
pub(super) fn explained(name: &str) -> &'static str {
    let known = EXPLAINED.iter().find(|(known, _)| *known == name);
    known.map_or("", |(_, sentence)| sentence)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::chaos::tally::Tally;

    /// What checkers count, read from where all of it stands.
    fn counted_by_checkers() -> impl Iterator<Item = String> {
        let counts = include_str!("../../check/counts.rs")
            .split("Count(\"")
            .skip(1);
        counts.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
    }

    #[test]
    fn all_that_is_counted_is_explained_and_nothing_else() {
        let by_programs = Tally::default().totals().into_keys();
        let counted: BTreeSet<_> = by_programs.chain(counted_by_checkers()).collect();
        let explained = EXPLAINED.map(|(name, _)| name.to_owned());
        assert_eq!(BTreeSet::from(explained), counted);
    }

    #[test]
    fn the_documentation_explains_the_same() {
        let rows = include_str!("../../../../docs/chaos.md").lines();
        let rows = rows.skip_while(|line| !line.starts_with("| counted |"));
        let rows = rows.skip(2).take_while(|line| line.starts_with("| "));
        let explained = EXPLAINED.map(|(name, sentence)| {
            let sentence = sentence.replace("<code>", "`").replace("</code>", "`");
            format!("| {name} | {sentence} |")
        });
        let explained: BTreeSet<_> = explained.iter().map(String::as_str).collect();
        assert_eq!(rows.collect::<BTreeSet<_>>(), explained);
    }
}
