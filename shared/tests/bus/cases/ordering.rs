//! Orders reach all gateways, and revocations are remembered.

use std::time::Duration;

use causerie_shared::bus::order::{
    Answer, ConnectionCard, ConnectionLine, Found, Inquiry, Order, OrderHeard, Revocation, Survey,
};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::{ConnectionId, RunId};
use tokio::sync::mpsc;

use crate::scene::*;
use crate::world::{World, eventually, two_nodes};

pub fn revocation(user_name: &str, until_ms: u64) -> Revocation {
    Revocation {
        tenant: room("acme:tenant").tenant,
        user: user(user_name),
        until_ms,
    }
}

fn disconnect(user_name: &str) -> Order {
    Order::Disconnect {
        tenant: room("acme:tenant").tenant,
        user: user(user_name),
    }
}

fn card() -> ConnectionCard {
    ConnectionCard {
        connection_id: ConnectionId::generate(RunId::generate()),
        user_id: user("u1"),
        name: Some("Ünal \"U\" Ă\n".to_owned()),
        transport: "websocket".to_owned(),
        node: "gw 1".to_owned(),
        connected_at: 1_700_000_000_000,
        last_active_at: 1_700_000_000_001,
        rooms: vec![room("acme:user:u1").room, room("acme:tenant").room],
    }
}

fn line() -> ConnectionLine {
    let card = card();
    ConnectionLine {
        connection_id: card.connection_id,
        name: card.name,
        transport: card.transport,
        node: card.node,
        connected_at: card.connected_at,
        last_active_at: card.last_active_at,
        room_count: 2,
    }
}

/// Hears orders, once they come from all partitions.
async fn hear(bus: &dyn Bus) -> mpsc::Receiver<OrderHeard> {
    let mut orders = bus.orders(10_000);
    // Of so many users there are some in each partition.
    for number in 0..500 {
        let probe = disconnect(&format!("probe{number}"));
        eventually(async || {
            bus.order(&probe).await.unwrap();
            let heard = tokio::time::timeout(Duration::from_millis(100), orders.recv());
            heard.await.ok().flatten()
        })
        .await;
    }
    orders
}

/// What is heard next beside what was asked for to see whether anything is.
async fn next(orders: &mut mpsc::Receiver<OrderHeard>) -> Order {
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(10), orders.recv()).await;
        match heard.expect("no order comes").expect("orders have ended") {
            OrderHeard::Order(Order::Disconnect { user, .. })
                if user.as_str().starts_with("probe") => {}
            OrderHeard::Gap => {}
            OrderHeard::Order(order) => return order,
        }
    }
}

pub async fn orders_reach_all<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let mut ears = [hear(&*here).await, hear(&*there).await];
    let orders = [
        Order::Revoke(revocation("u1", 1_700_000_000_000)),
        disconnect("u2"),
        Order::Inquire(Inquiry {
            id: u64::MAX,
            tenant: room("acme:tenant").tenant,
            connection: ConnectionId::generate(RunId::generate()),
            ends_it: true,
        }),
        Order::Answer(Answer { id: 1, card: None }),
        Order::Answer(Answer {
            id: 2,
            card: Some(card()),
        }),
        Order::Survey(Survey {
            id: u64::MAX,
            tenant: room("acme:tenant").tenant,
            user: user("u1"),
        }),
        Order::Found(Found {
            id: 3,
            node: "gw 1".to_owned(),
            connections: vec![line(), line()],
            has_more: true,
        }),
    ];
    for order in &orders {
        here.order(order).await.unwrap();
        for ear in &mut ears {
            assert_eq!(next(ear).await, *order);
        }
    }
}

pub async fn revocations_are_remembered<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    assert!(here.revocations(0).await.unwrap().are_all);
    let now_ms = here.clock().now_ms();
    let revoke = async |user_name: &str, until_ms: u64| {
        let revoke = Order::Revoke(revocation(user_name, until_ms));
        here.order(&revoke).await.unwrap();
    };
    for user_name in ["u1", "u2", "u3"] {
        revoke(user_name, now_ms).await;
    }
    here.order(&disconnect("u4")).await.unwrap();
    revoke("u1", now_ms + 5).await;
    // One that comes late takes nothing back.
    revoke("u1", now_ms - 5).await;
    let kept = async |since_ms| {
        let mut kept = there.revocations(since_ms).await.unwrap().found;
        kept.sort_by(|a, b| a.user.cmp(&b.user));
        kept
    };
    let first = revocation("u1", now_ms + 5);
    let others = ["u2", "u3"].map(|user_name| revocation(user_name, now_ms));
    let [second, third] = others;
    assert_eq!(kept(0).await, [first.clone(), second, third]);
    assert_eq!(kept(now_ms + 1).await, [first]);
}

pub async fn a_revocation_is_forgotten_in_time<W: World>() {
    let retention = Retention {
        revocations: Duration::from_secs(60),
        ..Retention::default()
    };
    let (_world, here, _) = two_nodes::<W>(retention).await;
    let now_ms = here.clock().now_ms();
    let old = Order::Revoke(revocation("u1", now_ms - 61_000));
    here.order(&old).await.unwrap();
    assert!(here.revocations(0).await.unwrap().found.is_empty());
}
