//! The audit log, where it is off.

use serde_json::json;

use crate::support::node::{Node, token};

#[tokio::test]
async fn where_nothing_is_noted_it_is_said_how_to_have_it() {
    let off = Node::start().await;
    let on = Node::set(&["audit.enabled=true"]).await;
    let [admin, operator, user] =
        ["admin", "operator", "none"].map(|role| token(json!({"sub": "a1", "roles": [role]})));
    for (path, who) in [
        ("/api/audit", &admin),
        ("/api/audit", &operator),
        ("/api/audit?tenant=", &operator),
    ] {
        let answer = off.get(path, who).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(answer.json()["code"], "not_found");
        assert!(answer.body.contains("`audit.enabled`"), "{answer:?}");
        assert_eq!(on.get(path, who).await.status, 200, "{path}");
    }
    // Who may not read it is told nothing of it.
    assert_eq!(off.get("/api/audit", &user).await.status, 403);
}
