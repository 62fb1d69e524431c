//! What is allowed so often is allowed so often by all nodes together.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::allowance::{Allowance, Taken};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::rate::Rate;
use futures::future::join_all;

use crate::world::{World, eventually, two_nodes};

const WHOM: &str = "ip:2001:db8::";

fn an_hour(what: &'static str, count: u32) -> Allowance {
    let per = Duration::from_secs(3_600);
    let burst = count;
    Allowance {
        what,
        rate: Rate { count, per, burst },
    }
}

async fn take(bus: &dyn Bus, whom: &str, allowances: &[Allowance]) -> Taken {
    bus.take(whom, allowances).await.unwrap()
}

pub async fn an_allowance_is_shared_by_all_nodes<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let five = [an_hour("connections", 5)];
    for node in [&here, &there, &here, &there, &here] {
        assert_eq!(take(&**node, WHOM, &five).await, Taken::Granted);
    }
    for node in [&here, &there] {
        let Taken::Spent { which: 0, wait } = take(&**node, WHOM, &five).await else {
            panic!("a sixth within an hour");
        };
        let seconds = wait.as_secs();
        assert!((660..=720).contains(&seconds), "{seconds}");
    }
    // Of somebody else, or of something else, there is enough.
    assert_eq!(take(&*there, "ip:192.0.2.1", &five).await, Taken::Granted);
    let visitors = [an_hour("visitors", 5)];
    assert_eq!(take(&*there, WHOM, &visitors).await, Taken::Granted);
}

pub async fn there_is_one_again_in_time<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let one = [Allowance {
        what: "connections",
        rate: Rate::a_second(5, 1),
    }];
    assert_eq!(take(&*here, WHOM, &one).await, Taken::Granted);
    if let Taken::Spent { wait, .. } = take(&*there, WHOM, &one).await {
        assert!(wait <= Duration::from_millis(200), "{wait:?}");
    }
    eventually(async || (take(&*there, WHOM, &one).await == Taken::Granted).then_some(())).await;
}

pub async fn nothing_is_taken_where_one_is_spent<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let (one, two) = (an_hour("visitors", 1), an_hour("connections", 2));
    assert_eq!(take(&*here, WHOM, &[one, two]).await, Taken::Granted);
    for _ in 0..3 {
        let taken = take(&*here, WHOM, &[two, one]).await;
        assert!(matches!(taken, Taken::Spent { which: 1, .. }), "{taken:?}");
    }
    assert_eq!(take(&*there, WHOM, &[two]).await, Taken::Granted);
    let taken = take(&*there, WHOM, &[two]).await;
    assert!(matches!(taken, Taken::Spent { which: 0, .. }), "{taken:?}");
}

pub async fn of_many_at_once_no_more_than_allowed<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let nodes: [Arc<dyn Bus>; 2] = [here, there];
    let ten = [an_hour("connections", 10)];
    let takes = nodes
        .iter()
        .cycle()
        .take(100)
        .map(|bus| take(&**bus, WHOM, &ten));
    let taken = join_all(takes).await;
    let granted = taken.iter().filter(|taken| **taken == Taken::Granted);
    assert_eq!(granted.count(), 10);
}

/// Who raises a limit does not wait for what was counted under the old one.
pub async fn another_rate_holds_at_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    assert_eq!(
        take(&*here, WHOM, &[an_hour("connections", 1)]).await,
        Taken::Granted
    );
    let fast = [Allowance {
        what: "connections",
        rate: Rate::a_second(20, 1),
    }];
    eventually(async || (take(&*there, WHOM, &fast).await == Taken::Granted).then_some(())).await;
}

pub async fn who_is_held_off_gets_nothing_anywhere<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let some = [an_hour("connections", 5)];
    here.hold_off(WHOM, Duration::from_secs(60)).await.unwrap();
    // Not cut short by another.
    there.hold_off(WHOM, Duration::from_secs(1)).await.unwrap();
    for allowances in [&some[..], &[]] {
        let Taken::HeldOff(time) = take(&*there, WHOM, allowances).await else {
            panic!("not held off");
        };
        assert!((50..=60).contains(&time.as_secs()), "{time:?}");
    }
    assert_eq!(take(&*there, "ip:192.0.2.1", &some).await, Taken::Granted);
}

pub async fn who_is_held_off_may_come_back<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let brief = Duration::from_millis(100);
    here.hold_off(WHOM, brief).await.unwrap();
    eventually(async || (take(&*there, WHOM, &[]).await == Taken::Granted).then_some(())).await;
}
