//! One process, and no configuration but its ports.

use causerie_testkit::client::http;
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::Program;
use reqwest::Method;
use serde_json::json;

use crate::kit::device::PATIENCE;

#[tokio::test]
async fn it_answers_a_visitor_over_each_transport_and_shows_its_page() {
    let mut node = Program::causerie().start().await;
    let origin = node.url().to_owned();

    let page = http::get(&format!("{origin}/")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("demo.js"), "{page:?}");
    assert_eq!(http::get(&format!("{origin}/demo.js")).await.status, 200);

    let connect = Connect::to(&node.ws_url()).param("t", "demo");
    let mut client = connect.header("origin", &origin).open().await;
    let ready = client.expect_type("ready").await;
    let token = ready["data"]["token"].as_str().unwrap();
    let ask = json!({"action": "sendMessage", "data": {"user_input": "over a socket"}});
    let ack = client.request(ask).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let answer = client.expect_type("message").await;
    assert_eq!(answer["data"]["in_reply_to"], ack["data"]["message_id"]);
    assert_eq!(answer["data"]["finish_reason"], "stop");

    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("origin", &origin)];
    let asked = json!({"user_input": "over HTTP"});
    let url = format!("{origin}/api/chat");
    let over_http = http::request(Method::POST, &url, &headers, Some(&asked)).await;
    assert_eq!(over_http.status, 200, "{over_http:?}");
    assert_eq!(over_http.json()["type"], "message");

    let asked = json!({"user_input": "over an event stream"});
    let mut stream = Sse::post(&format!("{origin}/api/chat/stream"), &headers, &asked).await;
    stream.expect_name("message_delta").await;
    let over_sse = stream.expect_name("message").await.json();
    stream.expect_end().await;

    // All paths see the same conversation.
    for (answer, said) in [
        (over_http.json(), "over HTTP"),
        (over_sse, "over an event stream"),
    ] {
        let content = answer["data"]["content"].as_str().unwrap();
        assert!(content.contains(said), "{content}");
        let seen = client.expect(said, |frame| frame == &answer).await;
        assert_eq!(seen["seq"], answer["seq"]);
    }

    node.terminate();
    assert_eq!(node.wait(PATIENCE).await.code(), Some(0));
}
