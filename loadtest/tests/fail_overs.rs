//! A fail-over that nobody planned is noticed, and how far back it may lose.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use causerie_loadtest::chaos::watch::Watch;
use causerie_loadtest::ledger::Pen;
use causerie_testkit::replicated::Replicated;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the servers were seen to have all that was stored by now.
async fn in_step(watch: &Watch, pen: &Pen) {
    let (now, deadline) = (pen.now(), Instant::now() + PATIENCE);
    while watch.in_step_at() < now {
        assert!(Instant::now() < deadline, "not in step: {watch:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Kills the primary, and waits until all is well under another; its port.
async fn fail_over(storage: &mut Replicated) -> u16 {
    let old = storage.primary().await;
    storage.server_mut(old).kill();
    let heir = storage.taken_over(old).await;
    storage.server_mut(old).restart().await;
    storage.ready().await;
    storage.server(heir).port()
}

#[tokio::test]
async fn a_fail_over_is_noticed_that_nobody_planned() {
    let folder = tempfile::tempdir().unwrap();
    let pen = Pen::new(&folder.path().join("ledger.jsonl")).unwrap();
    let mut storage = Replicated::start().await;
    let watch = Watch::start(storage.servers().collect(), pen.clone());
    in_step(&watch, &pen).await;
    let in_step_at = watch.in_step_at();

    let heir = fail_over(&mut storage).await;
    let taken_over_at = pen.now();
    in_step(&watch, &pen).await;
    let noticed = watch.take_unplanned();
    assert_eq!(noticed.len(), 1, "{noticed:?}");
    assert_eq!(noticed[0].port, heir);
    assert!((in_step_at..=noticed[0].at).contains(&noticed[0].since));
    assert!(noticed[0].at <= taken_over_at);
    assert!(noticed[0].until > Some(noticed[0].at));

    let since = pen.now();
    watch.plan(fail_over(&mut storage).await, since);
    in_step(&watch, &pen).await;
    assert_eq!(watch.take_unplanned(), []);
    assert!(watch.is_settled());
}
