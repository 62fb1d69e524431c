//! What a tenant's servers send.

use causerie_testkit::client::http::{self, Answer};
use causerie_testkit::client::ws::Client;
use causerie_testkit::cluster::Cluster;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PROJECT, USER};
use crate::api_keys;
use crate::kit::cage::Cage;

/// An API key of the tenant's that may do all.
pub(super) async fn key(cluster: &Cluster, cage: &mut Cage) -> String {
    let create = "create --tenant acme --scope admin --name shop";
    let key = api_keys::done(cluster, create).await;
    cage.keep("the API key", &key);
    let secret = key.rsplit('_').next().expect("a secret part");
    cage.keep("what is secret of the API key", secret);
    key
}

/// Waits until `name` is shown for the user, to those who may see who is in a room.
pub(super) async fn until_present(cluster: &Cluster, key: &str, name: &str) {
    let path = format!("/api/rooms/project:{PROJECT}/presence");
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    loop {
        let answer = ask(cluster, key, Method::GET, &path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let user = &answer.json()["users"][0];
        if user["name"] == name {
            assert_eq!(user["user_id"], USER, "{answer:?}");
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
    }
}

/// What is published is heard, and kept.
pub(super) async fn publish(cluster: &Cluster, cage: &mut Cage, key: &str, reader: &mut Client) {
    let room = format!("project:{PROJECT}");
    for is_durable in [true, false] {
        let total = cage.plant("data of a server's");
        let event = json!({
            "rooms": [room], "type": "order.paid", "data": {"total": total},
            "durable": is_durable, "id": cage.plant("the id of a server's event"),
        });
        let answer = post(cluster, key, &event).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let is_it = |frame: &Value| frame["data"]["total"] == total;
        reader.expect("what was published", is_it).await;
        let history = format!("/api/rooms/{room}/history");
        let history = ask(cluster, key, Method::GET, &history).await;
        assert_eq!(history.body.contains(&total), is_durable, "{history:?}");
    }
    let mut unknown = json!({"rooms": [room], "type": "price"});
    unknown[cage.plant("an unknown field of a server's")] = json!(cage.plant("its value there"));
    for bad in [
        unknown,
        json!({"rooms": [cage.plant("a bad room of a server's")], "type": "price"}),
        json!({"rooms": [room], "type": cage.plant("a bad type").to_uppercase()}),
        json!({"rooms": [room], "type": {"a": cage.plant("what is no type")}}),
        json!({"rooms": [room], "type": "price", "durable": cage.plant("durable")}),
        json!({"rooms": cage.plant("what are no rooms"), "type": "price"}),
        json!({"rooms": [room], "type": "price", "id": {"a": cage.plant("what is no id")}}),
    ] {
        let answer = post(cluster, key, &bad).await;
        assert_eq!(answer.status, 400, "{bad}: {answer:?}");
    }
}

/// What is asked about people, connections and the audit log.
pub(super) async fn look(cluster: &Cluster, cage: &mut Cage, key: &str) {
    let presence = format!("/api/rooms/project:{PROJECT}/presence");
    for (status, path) in [
        // Whom it names need not be there.
        (
            200,
            format!("{presence}?after={}", cage.plant("after whom")),
        ),
        (
            400,
            format!("{presence}?limit={}", cage.plant("how many users")),
        ),
        (
            404,
            format!(
                "/api/connections/{}",
                cage.plant("a connection that is none")
            ),
        ),
        (
            400,
            format!("/api/connections/%20{}", cage.plant("a bad connection")),
        ),
        (
            400,
            format!("/api/audit?before={}", cage.plant("before what")),
        ),
        (
            400,
            format!("/api/audit?limit={}", cage.plant("how many entries")),
        ),
        (
            403,
            format!("/api/audit?tenant={}", cage.plant("another tenant")),
        ),
    ] {
        let answer = ask(cluster, key, Method::GET, &path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    for path in [
        format!("/api/users/%20{}/disconnect", cage.plant("a bad user")),
        format!(
            "/api/users/%20{}/revoke",
            cage.plant("a bad user to revoke")
        ),
    ] {
        let answer = ask(cluster, key, Method::POST, &path).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
    }
    let end = format!(
        "/api/connections/%20{}",
        cage.plant("a bad connection to end")
    );
    let answer = ask(cluster, key, Method::DELETE, &end).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    for (what, key) in [
        ("a made-up key", format!("{}{}", &key[..16], "f".repeat(64))),
        (
            "what is no key",
            format!("ck_{}", cage.plant("a part of no key")),
        ),
    ] {
        cage.keep(what, &key);
        let answer = ask(cluster, &key, Method::GET, &presence).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
    }
}

async fn ask(cluster: &Cluster, key: &str, method: Method, path: &str) -> Answer {
    let url = format!("{}{path}", cluster.gateways[0].url());
    let bearer = format!("Bearer {key}");
    http::request(method, &url, &[("authorization", &bearer)], None).await
}

async fn post(cluster: &Cluster, key: &str, event: &Value) -> Answer {
    let url = format!("{}/api/publish", cluster.gateways[0].url());
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", &*bearer)];
    http::request(Method::POST, &url, &headers, Some(event)).await
}
