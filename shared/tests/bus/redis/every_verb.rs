//! All that a bus can be asked.

use std::time::Duration;

use causerie_shared::bus::Bus;
use causerie_shared::bus::allowance::Allowance;
use causerie_shared::bus::audit::{AuditBatch, AuditPart, AuditRange};
use causerie_shared::bus::nodes::{Change, Note, Showing};
use causerie_shared::bus::order::Order;
use causerie_shared::bus::presence::HostLook;
use causerie_shared::bus::reply::{Cancelled, ClaimId, Takeover};
use causerie_shared::ids::RunId;
use causerie_shared::protocol::data::Status;
use causerie_shared::rate::Rate;

use crate::cases::attending::attendance;
use crate::cases::deleting::delete;
use crate::cases::keys::key;
use crate::cases::ordering::revocation;
use crate::cases::posting::{passing, posting};
use crate::ear::Ear;
use crate::scene::*;

/// Uses every verb of a new installation, and every branch of it that has
/// commands of its own.
pub async fn use_every_verb(bus: &dyn Bus) {
    let room = room("acme:project:p1");
    let mut ear = Ear::open(bus, &[&room]).await;
    let _wakes = bus.wakes(10);
    let first = ask_and_claim(bus, &question_in(&room, "s1")).await;
    let second = question_in(&room, "s1");
    ask(bus, &second).await;
    bus.beat(&first.lease, 1).await.unwrap();
    bus.append(&first.lease, &delta(&first, 0, "a"))
        .await
        .unwrap();
    let seen = bus.leases().await.unwrap().remove(0);
    let claim = ClaimId::generate();
    let Takeover::Taken(first) = bus.take_over(&seen, &claim).await.unwrap() else {
        panic!("not taken over")
    };
    let mut ending = ending(&first, "done");
    ending.dead_letter = Some("a trial".to_owned());
    bus.finish(&first.lease, &ending).await.unwrap();
    let cancelled = bus.cancel(&room, reply_of(&second)).await.unwrap();
    assert_eq!(cancelled, Cancelled::Finished);
    bus.reply(reply_of(&second)).await.unwrap().unwrap();
    bus.waiting().await.unwrap();
    let changes = bus.changed(room.partition(), 0).await.unwrap();
    assert_eq!(changes.rooms.len(), 1);
    missed(bus, &room, &at(&head(bus, &room).await, 1)).await;
    bus.history(&room, Default::default(), 10).await.unwrap();
    bus.publish(&room, &typing(&room, 1)).await.unwrap();
    let allowance = Allowance {
        what: "connections",
        rate: Rate::a_minute(1),
    };
    for _ in 0..2 {
        bus.take("ip:192.0.2.1", &[allowance]).await.unwrap();
    }
    let time = Duration::from_secs(60);
    bus.hold_off("ip:192.0.2.1", time).await.unwrap();
    bus.post(&posting(&room, "o1")).await.unwrap();
    bus.post(&passing(&room, "o2")).await.unwrap();
    let third = question_in(&room, "s1");
    ask(bus, &third).await;
    // Of one that waits, of one that was answered, and one too many for the log's places.
    for message_id in [&third.message_id, &first.in_reply_to, &first.in_reply_to] {
        delete(bus, &room, message_id).await;
    }
    missed(bus, &room, &at(&head(bus, &room).await, 1)).await;
    bus.history(&room, Default::default(), 10).await.unwrap();
    ear.durable(9).await;
    ear.rooms.unsubscribe(&room).await.unwrap();
    bus.ping().await.unwrap();
    let _orders = bus.orders(10);
    let revoke = Order::Revoke(revocation("u1", 1));
    bus.order(&revoke).await.unwrap();
    bus.revocations(0).await.unwrap();
    use_presence(bus).await;
    let key = key("acme");
    bus.add_key(&key).await.unwrap();
    bus.note_key_used(&key.card.id, 1).await.unwrap();
    bus.key(&key.card.id).await.unwrap().unwrap();
    assert_eq!(bus.keys(&key.tenant).await.unwrap().len(), 1);
    bus.revoke_key(&key.card.id).await.unwrap();
    let entries = vec!["{}".to_owned(); 2];
    bus.audit(&AuditBatch::new(None, AuditPart::Acts, entries))
        .await
        .unwrap();
    let page = bus.audited(None, &AuditRange::newest(1)).await.unwrap();
    assert!(page.has_more);
    use_nodes(bus).await;
}

async fn use_nodes(bus: &dyn Bus) {
    let run = RunId::generate();
    for card in [Some("{}".to_owned()), None] {
        let showing = Showing {
            run,
            card,
            may_watch: true,
        };
        bus.show_node(&showing).await.unwrap();
    }
    let alert = || "slow".to_owned();
    for change in [Change::None, Change::Raise(alert()), Change::Clear(alert())] {
        let note = Note::new(change, "{}".to_owned());
        assert!(bus.note(&note).await.unwrap());
    }
    assert!(bus.noted(None, 2).await.unwrap().has_more);
}

async fn use_presence(bus: &dyn Bus) {
    let own = room("acme:user:u1");
    let host = RunId::generate();
    for status in [Status::Online, Status::Busy, Status::Away] {
        let (tenant, user) = (own.tenant.clone(), user("u1"));
        let said = Order::Status {
            tenant,
            user,
            status,
        };
        bus.order(&said).await.unwrap();
        for connections in [1, 2, 0, 1] {
            let told = attendance(host, &own, "u1", connections);
            bus.attend(&told, 10).await.unwrap();
        }
    }
    let partition = own.partition();
    let own_host = Some(host);
    let look = HostLook {
        partition,
        own: own_host,
    };
    bus.hosts(&look).await.unwrap();
    assert_eq!(bus.present(&own, None, 10).await.unwrap().len(), 1);
    while bus.sweep_host(partition, host, 10).await.unwrap() {}
}
