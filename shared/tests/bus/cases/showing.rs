//! Which nodes there are, who watches over them, and what has been.

use std::time::Duration;

use causerie_shared::bus::nodes::{Change, Nodes, Note, Showing};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::RunId;

use crate::world::{World, eventually, two_nodes};

async fn show(bus: &dyn Bus, run: RunId, card: Option<&str>, may_watch: bool) -> Nodes {
    let showing = Showing {
        run,
        card: card.map(str::to_owned),
        may_watch,
    };
    bus.show_node(&showing).await.unwrap()
}

fn cards(nodes: &Nodes) -> Vec<(RunId, &str)> {
    let nodes = nodes.nodes.iter();
    nodes.map(|shown| (shown.run, &*shown.card)).collect()
}

async fn note(bus: &dyn Bus, change: Change, entry: &str) -> bool {
    bus.note(&Note::new(change, entry.to_owned()))
        .await
        .unwrap()
}

async fn chronicle(bus: &dyn Bus) -> Vec<String> {
    let page = bus.noted(None, 1_000).await.unwrap();
    page.entries.into_iter().map(|(_, entry)| entry).collect()
}

pub async fn nodes_are_shown_to_all_until_they_end<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let mut runs = [RunId::generate(), RunId::generate()];
    runs.sort();
    let [first, second] = runs;
    let alone = show(&*here, second, Some("a b"), false).await;
    assert_eq!(cards(&alone), [(second, "a b")]);
    let both = show(&*there, first, Some("{}"), false).await;
    assert_eq!(cards(&both), [(first, "{}"), (second, "a b")]);
    // A later showing replaces the one before, and has a later time.
    let at_ms = both.nodes[1].at_ms;
    let later = async || {
        let nodes = show(&*here, second, Some("c"), false).await;
        (nodes.nodes[1].at_ms > at_ms).then_some(nodes)
    };
    assert_eq!(cards(&eventually(later).await)[1], (second, "c"));
    let left = show(&*here, second, None, false).await;
    assert_eq!(cards(&left), [(first, "{}")]);
}

pub async fn one_watches_at_a_time<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let [broker, first, second] = [(); 3].map(|()| RunId::generate());
    assert!(!show(&*here, broker, Some("{}"), false).await.is_watcher);
    for _ in 0..2 {
        assert!(show(&*here, first, Some("{}"), true).await.is_watcher);
        assert!(!show(&*there, second, Some("{}"), true).await.is_watcher);
    }
    // Who ends makes room at once, who falls silent in a while.
    assert!(!show(&*here, first, None, true).await.is_watcher);
    assert!(show(&*there, second, Some("{}"), true).await.is_watcher);
    let third = RunId::generate();
    let takes_it = async || {
        let nodes = show(&*here, third, Some("{}"), true).await;
        nodes.is_watcher.then_some(())
    };
    eventually(takes_it).await;
    assert!(!show(&*there, second, Some("{}"), true).await.is_watcher);
}

pub async fn an_alert_is_raised_once_and_cleared_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let raise = || Change::Raise("slow".to_owned());
    let clear = || Change::Clear("slow".to_owned());
    let raised = Note::new(raise(), "raised".to_owned());
    // A repeat gets the first one's answer.
    assert!(here.note(&raised).await.unwrap());
    assert!(there.note(&raised).await.unwrap());
    assert!(!note(&*there, raise(), "raised again").await);
    let run = RunId::generate();
    let standing = show(&*there, run, Some("{}"), false).await.alerts;
    assert_eq!(standing, [("slow".to_owned(), "raised".to_owned())]);
    assert!(note(&*there, clear(), "cleared").await);
    assert!(!note(&*here, clear(), "cleared again").await);
    // Nor is it raised by one that comes late.
    assert!(here.note(&raised).await.unwrap());
    assert_eq!(show(&*here, run, None, false).await.alerts, []);
    assert!(note(&*here, Change::None, "more").await);
    assert_eq!(chronicle(&*there).await, ["more", "cleared", "raised"]);
    let newest = there.noted(None, 2).await.unwrap();
    assert!(newest.has_more);
    let before = newest.entries.last().map(|(place, _)| *place);
    let older = there.noted(before, 2).await.unwrap();
    assert_eq!((older.entries.len(), older.has_more), (1, false));
}

pub async fn the_chronicle_has_a_length_and_an_age<W: World>() {
    let retention = Retention {
        chronicle_entries: 3,
        chronicle_age: Duration::from_secs(1),
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    for entry in ["1", "2", "3", "4"] {
        note(&*here, Change::None, entry).await;
    }
    assert!(chronicle(&*there).await.len() <= 3);
    let is_gone = async || chronicle(&*there).await.is_empty().then_some(());
    eventually(is_gone).await;
}
