//! Who is in a room, over all gateways.

use std::collections::BTreeSet;

use causerie_shared::bus::order::Order;
use causerie_shared::bus::presence::{Attendance, Attended, HostLook};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::RunId;
use causerie_shared::protocol::data::{Status, UserJoined, UserLeft, UserStatusChanged};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use serde::Serialize;

use crate::ear::Ear;
use crate::scene::*;
use crate::world::{World, two_nodes};

/// More than any case has, so that all are told.
const ALL: u32 = 10_000;
const EVERYBODY: usize = 10_000;

/// What `host` tells first of a user.
pub fn attendance(host: RunId, room: &RoomKey, name: &str, connections: u32) -> Attendance {
    Attendance {
        host,
        is_first: true,
        room: room.clone(),
        user: user(name),
        connections,
        name: None,
        status: None,
    }
}

async fn attend(bus: &dyn Bus, told: Attendance) -> Status {
    match bus.attend(&told, ALL).await.unwrap() {
        Attended::Noted(status) => status,
        Attended::HostIsGone => panic!("the host is gone"),
    }
}

/// Everybody who is there, with how many connections.
async fn there(bus: &dyn Bus, room: &RoomKey) -> Vec<(String, u64)> {
    let present = bus
        .present(room, None, EVERYBODY)
        .await
        .unwrap()
        .into_iter();
    present
        .map(|one| (one.user.to_string(), one.connections))
        .collect()
}

/// Checks that a record is that event, byte for byte.
fn assert_tells(record: &Record, room: &RoomKey, event: Event, data: &impl Serialize) {
    let frame = frame::transient(event, &room.room, record.header.ts, data);
    assert_eq!(record.frame, frame, "{:?}", record.frame);
    assert_eq!(record.header.event, event.name());
    assert!(record.header.ts > 1_600_000_000_000);
}

/// Checks that nothing was told before what is published now.
async fn assert_silence(bus: &dyn Bus, ear: &mut Ear, room: &RoomKey) {
    bus.publish(room, &typing(room, 1)).await.unwrap();
    let next = ear.record().await;
    assert_eq!(next.header.event, Event::TypingIndicator.name(), "{next:?}");
}

pub async fn one_is_there_from_the_first_connection_to_the_last<W: World>() {
    let (_world, here, there_) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*there_, &[&room]).await;
    let hosts = [RunId::generate(), RunId::generate()];
    let first = Attendance {
        name: Some("Ünal \"U\" \\ \u{1F600}\n".into()),
        ..attendance(hosts[0], &room, "u1", 1)
    };
    assert_eq!(attend(&*here, first.clone()).await, Status::Online);
    let joined = UserJoined {
        user_id: user("u1"),
        name: Some("Ünal \"U\" \\ \u{1F600}\n".to_owned()),
        status: Status::Online,
    };
    let record = ear.record().await;
    assert_tells(&record, &room, Event::UserJoined, &joined);
    assert_eq!(record.header.excluded, Some(user("u1")));
    // A repeat says nothing new, nor do more connections, here or there.
    attend(&*here, first.clone()).await;
    attend(&*here, attendance(hosts[0], &room, "u1", 3)).await;
    // The name is that which was told last, if any.
    let present = here.present(&room, None, EVERYBODY).await.unwrap();
    assert_eq!(present[0].name, None);
    let other = Attendance {
        name: first.name,
        ..attendance(hosts[1], &room, "u1", 2)
    };
    attend(&*there_, other).await;
    let present = here.present(&room, None, EVERYBODY).await.unwrap();
    assert_eq!(present.len(), 1);
    assert_eq!(present[0].name, joined.name);
    assert_eq!(
        (present[0].connections, present[0].status),
        (5, Status::Online)
    );
    attend(&*here, attendance(hosts[0], &room, "u1", 0)).await;
    attend(&*here, attendance(hosts[0], &room, "u1", 0)).await;
    assert_eq!(there(&*there_, &room).await, [("u1".to_owned(), 2)]);
    assert_silence(&*here, &mut ear, &room).await;

    attend(&*there_, attendance(hosts[1], &room, "u1", 0)).await;
    let left = UserLeft {
        user_id: user("u1"),
    };
    let record = ear.record().await;
    assert_tells(&record, &room, Event::UserLeft, &left);
    assert_eq!(record.header.excluded, Some(user("u1")));
    assert!(there(&*here, &room).await.is_empty());
    // Another tenant's room of that name is another.
    assert!(
        there(&*here, &crate::scene::room("bolt:project:p1"))
            .await
            .is_empty()
    );
}

pub async fn a_status_is_told_once_and_outlasts_a_moment<W: World>() {
    let (_world, here, there_) = two_nodes::<W>(Retention::default()).await;
    let (own, project) = (room("acme:user:u1"), room("acme:project:p1"));
    let mut ear = Ear::open(&*there_, &[&project]).await;
    let hosts = [RunId::generate(), RunId::generate()];
    let say = async |status| {
        let (tenant, user) = (own.tenant.clone(), user("u1"));
        let order = Order::Status {
            tenant,
            user,
            status,
        };
        here.order(&order).await.unwrap();
    };
    for host in hosts {
        for room in [&own, &project] {
            attend(&*here, attendance(host, room, "u1", 1)).await;
        }
    }
    ear.record().await;
    say(Status::Busy).await;
    // Both gateways tell it in the room.
    for host in hosts {
        let told = Attendance {
            status: Some(Status::Busy),
            ..attendance(host, &project, "u1", 1)
        };
        assert_eq!(attend(&*here, told).await, Status::Busy);
    }
    let changed = UserStatusChanged {
        user_id: user("u1"),
        status: Status::Busy,
    };
    let record = ear.record().await;
    assert_tells(&record, &project, Event::UserStatusChanged, &changed);
    assert_eq!(record.header.excluded, None);
    // Who tells nothing of it changes nothing.
    attend(&*here, attendance(hosts[0], &project, "u1", 2)).await;
    assert_eq!(
        here.present(&project, None, EVERYBODY).await.unwrap()[0].status,
        Status::Busy
    );
    assert_silence(&*here, &mut ear, &project).await;

    for host in hosts {
        attend(&*here, attendance(host, &own, "u1", 0)).await;
    }
    let back = attendance(hosts[0], &own, "u1", 1);
    assert_eq!(attend(&*there_, back.clone()).await, Status::Busy);
    say(Status::Online).await;
    attend(&*here, attendance(hosts[0], &own, "u1", 0)).await;
    assert_eq!(attend(&*there_, back).await, Status::Online);
    // Said while nobody is there, as over HTTP.
    attend(&*here, attendance(hosts[0], &own, "u1", 0)).await;
    say(Status::Away).await;
    let back = attendance(hosts[1], &own, "u1", 1);
    assert_eq!(attend(&*there_, back).await, Status::Away);
}

pub async fn a_gateway_that_missed_a_status_learns_it<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    let own = room("acme:user:u1");
    let host = RunId::generate();
    let told = |status| Attendance {
        status,
        ..attendance(host, &own, "u1", 1)
    };
    attend(&*here, told(None)).await;
    for said in [Status::Busy, Status::Away, Status::Online] {
        let order = Order::Status {
            tenant: own.tenant.clone(),
            user: user("u1"),
            status: said,
        };
        here.order(&order).await.unwrap();
        for known in [None, Some(Status::Busy), Some(Status::Away)] {
            assert_eq!(attend(&*here, told(known)).await, said, "{known:?}");
        }
    }
    // Where it is lost what was said, who joins is what a gateway still knows.
    attend(&*here, attendance(host, &own, "u1", 0)).await;
    attend(&*here, told(Some(Status::Busy))).await;
    assert_eq!(attend(&*here, told(None)).await, Status::Busy);
}

pub async fn who_is_alone_in_their_own_room_is_told_nothing<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    let own = room("acme:user:u1");
    let mut ear = Ear::open(&*here, &[&own]).await;
    let host = RunId::generate();
    let tell = async |name: &str, connections| {
        attend(&*here, attendance(host, &own, name, connections)).await;
    };
    tell("u1", 1).await;
    tell("u1", 0).await;
    assert_silence(&*here, &mut ear, &own).await;
    // With another, as an admin, both are told.
    for (name, connections, event) in [
        ("boss", 1, Event::UserJoined),
        ("u1", 1, Event::UserJoined),
        ("u1", 0, Event::UserLeft),
        ("boss", 0, Event::UserLeft),
    ] {
        tell(name, connections).await;
        assert_eq!(ear.record().await.header.event, event.name(), "{name}");
    }
}

pub async fn a_crowd_is_told_nothing_of_who_comes_and_goes<W: World>() {
    let (_world, here, _) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*here, &[&room]).await;
    let host = RunId::generate();
    let tell = async |name: &str, connections| {
        let told = attendance(host, &room, name, connections);
        here.attend(&told, 2).await.unwrap();
    };
    for name in ["u1", "u2", "u3"] {
        tell(name, 1).await;
    }
    let told = Attendance {
        status: Some(Status::Away),
        ..attendance(host, &room, "u1", 1)
    };
    here.attend(&told, 2).await.unwrap();
    tell("u3", 0).await;
    tell("u2", 0).await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(ear.record().await.header.event.to_string());
    }
    assert_eq!(names, ["user_joined", "user_joined", "user_left"]);
    assert_silence(&*here, &mut ear, &room).await;
    let told = Attendance {
        status: Some(Status::Busy),
        ..attendance(host, &room, "u9", 1)
    };
    here.attend(&told, 0).await.unwrap();
    assert_silence(&*here, &mut ear, &room).await;
}

pub async fn what_a_dead_host_told_is_taken_back<W: World>() {
    let (_world, here, there_) = two_nodes::<W>(Retention::default()).await;
    let crowd = room("acme:project:p1");
    let (dead, alive) = (RunId::generate(), RunId::generate());
    let names: Vec<_> = (100..350).map(|number| format!("u{number}")).collect();
    let told = names.iter().map(|name| attendance(dead, &crowd, name, 1));
    let told: Vec<_> = told.collect();
    for noted in here.attend_all(&told, ALL).await {
        assert_eq!(noted.unwrap(), Attended::Noted(Status::Online));
    }
    // In a room of the same partition.
    let partition = crowd.partition();
    let mut rooms = (0..).map(|number| room(&format!("acme:project:q{number}")));
    let small = rooms.find(|room| room.partition() == partition).unwrap();
    attend(&*here, attendance(dead, &small, "u1", 1)).await;
    attend(&*there_, attendance(alive, &crowd, "u100", 1)).await;
    assert_eq!(there(&*there_, &crowd).await.len(), 250);

    let mut ear = Ear::open(&*there_, &[&crowd]).await;
    let mut steps = 0;
    while there_.sweep_host(partition, dead, ALL).await.unwrap() {
        steps += 1;
        assert!(steps < 20, "it has no end");
    }
    assert!(steps >= 2, "{steps}");
    assert_eq!(there(&*here, &crowd).await, [("u100".to_owned(), 1)]);
    assert!(there(&*here, &small).await.is_empty());
    let mut left = BTreeSet::new();
    for _ in 1..names.len() {
        let record = ear.record().await;
        assert_eq!(record.header.event, Event::UserLeft.name());
        left.insert(record.header.excluded.clone().unwrap().to_string());
    }
    assert_eq!(left, names[1..].iter().cloned().collect());
    assert_silence(&*here, &mut ear, &crowd).await;

    // What it tells now as if nothing were is refused, until it goes by another name.
    let late = Attendance {
        is_first: false,
        ..attendance(dead, &crowd, "u1", 1)
    };
    let refused = here.attend(&late, ALL).await.unwrap();
    assert_eq!(refused, Attended::HostIsGone);
    attend(&*here, attendance(RunId::generate(), &crowd, "u1", 1)).await;
    assert_eq!(there(&*there_, &crowd).await.len(), 2);
}

pub async fn hosts_show_that_they_live<W: World>() {
    let (_world, here, there_) = two_nodes::<W>(Retention::default()).await;
    let room = room("acme:project:p1");
    let partition = room.partition();
    let [first, second] = [RunId::generate(), RunId::generate()];
    let beats = async |own| {
        let look = HostLook { partition, own };
        let hosts = there_.hosts(&look).await.unwrap();
        let of = |host: RunId| {
            let found = hosts.beats.iter().find(|(other, _)| *other == host);
            found.map(|(_, beats)| *beats)
        };
        (of(first), of(second))
    };
    assert_eq!(beats(None).await, (None, None));
    // One who has told nothing is none.
    assert_eq!(beats(Some(first)).await, (None, None));
    attend(&*here, attendance(first, &room, "u1", 0)).await;
    assert_eq!(beats(None).await, (None, None));
    for host in [first, second] {
        attend(&*here, attendance(host, &room, "u1", 1)).await;
    }
    assert_eq!(beats(Some(first)).await, (Some(Some(1)), Some(Some(0))));
    assert_eq!(beats(Some(first)).await, (Some(Some(2)), Some(Some(0))));
    assert_eq!(beats(None).await, (Some(Some(2)), Some(Some(0))));
    let more = (100..250).map(|number| attendance(first, &room, &format!("u{number}"), 1));
    here.attend_all(&more.collect::<Vec<_>>(), ALL).await;
    assert!(there_.sweep_host(partition, first, ALL).await.unwrap());
    // It is taken for dead, though not all is taken back.
    assert_eq!(beats(Some(first)).await, (Some(None), Some(Some(0))));
    let late = here.attend(&attendance(first, &room, "u2", 1), ALL).await;
    assert_eq!(late.unwrap(), Attended::HostIsGone);
    assert!(!there_.sweep_host(partition, first, ALL).await.unwrap());
    assert_eq!(beats(None).await, (None, Some(Some(0))));
    let looks = [partition, crate::scene::room("acme:tenant").partition()];
    let looks = looks.map(|partition| HostLook {
        partition,
        own: None,
    });
    let hosts = here.hosts_in_all(&looks).await;
    let counts: Vec<_> = hosts
        .into_iter()
        .map(|hosts| hosts.unwrap().beats.len())
        .collect();
    assert_eq!(counts, [1, 0]);
}

pub async fn a_crowd_is_told_of_part_by_part<W: World>() {
    let (_world, here, there_) = two_nodes::<W>(Retention::default()).await;
    let crowd = room("acme:project:p1");
    let host = RunId::generate();
    // More than Redis tells in one step.
    let names: Vec<_> = (1_000..1_700).map(|number| format!("u{number}")).collect();
    let more = names.iter().map(|name| attendance(host, &crowd, name, 1));
    here.attend_all(&more.collect::<Vec<_>>(), ALL).await;
    let part = async |after: Option<&str>, limit| {
        let after = after.map(user);
        let present = there_.present(&crowd, after.as_ref(), limit).await.unwrap();
        let users = present.into_iter().map(|one| one.user.to_string());
        users.collect::<Vec<_>>()
    };
    assert_eq!(part(None, 3).await, names[..3]);
    assert_eq!(part(Some(&names[2]), 3).await, names[3..6]);
    // Who has left meanwhile is a place as well.
    assert_eq!(part(Some("u1002a"), 3).await, names[3..6]);
    assert_eq!(part(Some(&names[697]), 3).await, names[698..]);
    assert_eq!(part(Some(&names[699]), 3).await, [""; 0]);
    assert_eq!(part(None, EVERYBODY).await, names);
}
