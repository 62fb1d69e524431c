//! What the counters of a run count, for people who read them.

/// By name. `docs/chaos.md` has the same.
const EXPLAINED: [(&str, &str); 32] = [
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
        "A broker that came back late wanted to add to a reply that another had taken over.",
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
    use super::*;
    use crate::chaos::tally::Tally;

    #[test]
    fn all_that_programs_count_is_explained_here_and_in_the_documentation() {
        for name in Tally::default().totals().keys() {
            assert_ne!(explained(name), "", "{name}");
        }
        let page = include_str!("../../../../docs/chaos.md");
        for (name, sentence) in EXPLAINED {
            let sentence = sentence.replace("<code>", "`").replace("</code>", "`");
            let row = format!("| {name} | {sentence} |");
            assert!(page.contains(&row), "docs/chaos.md lacks:\n{row}");
        }
    }
}
