//! What is said when, and what waits for what.

use rand::SeedableRng;
use tokio::time::{advance, pause};

use super::*;
use crate::ledger::IfBusy;

fn mailbox() -> Mailbox {
    let person = Person {
        number: 1,
        tenant: "acme".into(),
        user: "u1".into(),
        device: 0,
        token: String::new(),
        rooms: vec!["project:p1".into()],
        doors: [].into(),
        // Nobody speaks of itself here.
        pace: Duration::from_secs(3600),
    };
    let mut mailbox = Mailbox::new(&person, &mut dice());
    mailbox.speaks_at = Instant::now() + person.pace;
    mailbox
}

fn dice() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn message(id: &str, session: &str) -> Message {
    Message {
        id: id.into(),
        room: "user:u1".into(),
        session: session.into(),
        ai: true,
        if_busy: IfBusy::Queue,
        text: id.into(),
    }
}

/// The ids of what is sent now.
fn sent(mailbox: &mut Mailbox) -> Vec<String> {
    let mut dice = dice();
    let ids = std::iter::from_fn(|| match mailbox.next(&[], false, &mut dice)? {
        Letter::Message(message) => Some(message.id),
        Letter::Typing(_) | Letter::Cancel { .. } => None,
    });
    ids.collect()
}

fn error(id: &str, code: &str, can_retry: bool) -> Value {
    json!({"type": "error", "id": id, "code": code, "canRetry": can_retry,
        "retry_after_ms": 2_000})
}

#[tokio::test]
async fn an_overloaded_server_holds_back_what_follows_in_the_session() {
    pause();
    let mut mailbox = mailbox();
    for (id, session) in [("a", "s1"), ("b", "s2")] {
        mailbox.say(message(id, session), Instant::now());
    }
    assert_eq!(sent(&mut mailbox), ["a", "b"]);
    mailbox.on_error(&error("a", "overloaded", true));
    for (id, session) in [("c", "s1"), ("d", "s2")] {
        mailbox.say(message(id, session), Instant::now());
    }
    assert_eq!(sent(&mut mailbox), ["d"]);
    // Not even a new connection lets it be sent sooner than was told.
    mailbox.send_all_again();
    assert_eq!(sent(&mut mailbox), ["b", "d"]);
    advance(Duration::from_secs(2)).await;
    assert_eq!(sent(&mut mailbox), ["a"]);
    mailbox.on_ack(&json!("a"), &json!("user:u1"), &json!("q1"));
    assert_eq!(sent(&mut mailbox), ["c"]);
}

#[tokio::test]
async fn a_wish_waits_for_its_answer_and_not_for_another_connection() {
    pause();
    let mut mailbox = mailbox();
    let wish = |mailbox: &mut Mailbox| {
        let letter = mailbox.cancel(&["r1".to_owned()], &mut dice());
        let Some(Letter::Cancel { id, .. }) = letter else {
            panic!("{letter:?}");
        };
        assert_eq!(mailbox.unacked(), 1);
        id
    };
    let id = json!(wish(&mut mailbox));
    mailbox.on_ack(&id, &Value::Null, &json!("r1"));
    assert_eq!(mailbox.unacked(), 0);
    let id = wish(&mut mailbox);
    mailbox.on_error(&error(&id, "not_found", false));
    assert_eq!(mailbox.unacked(), 0);
    wish(&mut mailbox);
    mailbox.send_all_again();
    assert_eq!(mailbox.unacked(), 0);
}

#[tokio::test]
async fn what_may_not_be_sent_again_is_settled() {
    pause();
    let mut mailbox = mailbox();
    mailbox.say(message("a", "s1"), Instant::now());
    assert_eq!(sent(&mut mailbox), ["a"]);
    mailbox.on_error(&error("a", "forbidden", false));
    assert_eq!(mailbox.unacked(), 0);
    mailbox.send_all_again();
    assert_eq!(sent(&mut mailbox), [""; 0]);
}
