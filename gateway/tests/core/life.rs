//! How connections live and end.

use std::sync::Arc;
use std::time::Duration;

use causerie_gateway::auth::{Auth, KeySetPace};
use causerie_gateway::drain::drain;
use causerie_gateway::settings::Settings;
use causerie_shared::bus::order::Revocation;
use causerie_shared::clock::Clock;
use causerie_shared::config::{Loader, Program, Sources};
use causerie_shared::ids::{TenantId, UserId};
use causerie_testkit::client::raw::{RawSocket, frame, opcode};
use tokio::time::interval;

use crate::support::{Node, TENANT, memory_bus};

#[tokio::test]
async fn a_silent_peer_is_pinged_and_dropped() {
    let settings = Settings {
        heartbeat_interval: Duration::from_millis(1_500),
        ..Settings::default()
    };
    let node = Node::start(&memory_bus(), settings).await;
    // This one answers pings by itself, and stays.
    let mut lively = node.client("u1").await;
    let mut silent = RawSocket::open(&node.address, "/ws?user=u2", &[]).await;
    let mut pings = 0;
    let code = loop {
        let frame = silent.read_frame().await.unwrap();
        match frame.opcode {
            opcode::PING => pings += 1,
            opcode::CLOSE => break frame.close_code(),
            _ => {}
        }
    };
    assert_eq!((pings, code), (1, Some(4012)));
    lively.ping().await;
}

#[tokio::test]
async fn one_who_sends_slowly_is_not_silent() {
    let heartbeat_interval = Duration::from_millis(600);
    let settings = Settings {
        heartbeat_interval,
        ..Settings::default()
    };
    let node = Node::start(&memory_bus(), settings).await;
    let mut slow = RawSocket::open(&node.address, "/ws?user=u1", &[]).await;
    let echo = frame(true, opcode::TEXT, br#"{"action":"ping","data":"slowly"}"#);
    // No ping is answered meanwhile, which lasts four intervals.
    let mut pace = interval(heartbeat_interval * 4 / u32::try_from(echo.len()).unwrap());
    for byte in echo {
        pace.tick().await;
        slow.send(&[byte]).await;
    }
    loop {
        let frame = slow.read_frame().await.unwrap();
        assert_ne!(frame.opcode, opcode::CLOSE, "{frame:?}");
        if frame.opcode == opcode::TEXT && frame.text().contains("slowly") {
            break;
        }
    }
}

#[tokio::test]
async fn one_who_does_nothing_is_sent_away_unless_it_is_no_person() {
    let settings = Settings {
        idle_timeout: Duration::from_millis(800),
        ..Settings::default()
    };
    let node = Node::start(&memory_bus(), settings).await;
    let mut admin = node
        .joined(node.connect("a1").param("role", "admin"), 2)
        .await;
    let mut person = node.client("u1").await;
    person.ping().await;
    assert_eq!(person.expect_close().await.code, Some(4509));
    admin.ping().await;
}

#[tokio::test]
async fn a_token_that_ends_ends_the_connection() {
    let bus = memory_bus();
    let node = Node::start(&bus, Settings::default()).await;
    let soon = bus.clock().now_ms() + 1_000;
    let mut client = node
        .joined(node.connect("u1").param("expires_ms", &soon.to_string()), 2)
        .await;
    let error = client.expect_type("error").await;
    assert_eq!(
        (error["code"].as_str(), error["fatal"].as_bool()),
        (Some("unauthorized"), Some(true))
    );
    assert_eq!(client.expect_close().await.code, Some(4500));
}

/// It was believed just before, and they were not there yet when all were sent away.
#[tokio::test]
async fn one_whose_token_is_revoked_as_they_come_in_does_not_stay() {
    let node = Node::alone().await;
    let loader = Loader::new(Program::Standalone, Sources::default()).unwrap();
    let settings = loader.load().unwrap();
    let auth = Auth::new(&settings, KeySetPace::default(), Clock::default()).await;
    let auth = Arc::new(auth.unwrap());
    node.gateway.verify_by(Arc::clone(&auth));
    auth.revoked().note(&Revocation {
        tenant: TenantId::new(TENANT).unwrap(),
        user: UserId::new("u1").unwrap(),
        until_ms: u64::MAX,
    });
    let mut late = node.connect("u1").open().await;
    assert_eq!(late.expect_type("error").await["code"], "unauthorized");
    assert_eq!(late.expect_close().await.code, Some(4500));
    node.client("u2").await.ping().await;
}

#[tokio::test]
async fn a_draining_node_sends_its_clients_away_and_takes_no_more() {
    let node = Node::alone().await;
    let mut clients = Vec::new();
    for user in ["u1", "u2", "u3"] {
        clients.push(node.client(user).await);
    }
    let draining = tokio::spawn({
        let gateway = node.gateway.clone();
        async move { drain(&gateway, Duration::from_secs(10)).await }
    });
    for client in &mut clients {
        let closed = client.expect_close().await;
        assert_eq!(closed.code, Some(1012));
        let after = closed.reason.strip_prefix("reconnect after=").unwrap();
        assert!(after.parse::<u64>().unwrap() <= 2_000);
    }
    draining.await.unwrap();
    assert!(node.gateway.registry.is_empty());
    assert_eq!(node.connect("u4").try_open().await.unwrap_err().status, 503);
}

#[tokio::test]
async fn a_full_node_takes_no_more_until_one_leaves() {
    let mut settings = Settings::default();
    settings.caps.of_node = 1;
    let node = Node::start(&memory_bus(), settings).await;
    let first = node.client("u1").await;
    assert_eq!(node.connect("u2").try_open().await.unwrap_err().status, 503);
    first.close(1000, "bye").await;
    node.gateway.registry.wait_until_empty().await;
    node.client("u2").await;
}

#[tokio::test]
async fn a_gateway_stops_with_all_its_tasks() {
    let node = Node::alone().await;
    let client = node.client("u1").await;
    drop(client);
    node.gateway.registry.wait_until_empty().await;
    tokio::time::timeout(Duration::from_secs(10), node.gateway.stop())
        .await
        .unwrap();
}
