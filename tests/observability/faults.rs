//! What fails in the story: models, a broker, Redis.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::client::ws::Client;
use causerie_testkit::prometheus::Prometheus;
use serde_json::json;

use crate::story::{PROJECT, Story, ask, is_answered};

impl Story {
    pub(crate) async fn models_fail(&self, bert: &mut Client) {
        self.cluster
            .ai
            .script([Behaviour::new(Plot::Tokens(4_000))]);
        ask(bert).await;
        self.cluster.ai.script(vec![Behaviour::new(Plot::Cut); 8]);
        for _ in 0..3 {
            ask(bert).await;
        }
    }

    pub(crate) async fn a_broker_dies(&mut self, bert: &mut Client, prometheus: &Prometheus) {
        let slow = Behaviour::new(Plot::Tokens(300)).at_pace(Duration::from_millis(10));
        // A breaker closes when somebody is answered behind it.
        while !prometheus
            .query("max(causerie_ai_breaker_state) > 0")
            .await
            .is_empty()
        {
            ask(bert).await;
        }
        self.cluster.ai.script([slow]);
        let asked = json!({"user_input": "Tell me all.", "room": PROJECT});
        let ack = bert
            .request(json!({"action": "sendMessage", "data": asked}))
            .await;
        let question = &ack["data"]["message_id"];
        let start = bert.expect("its beginning", |frame| {
            frame["type"] == "ai_processing_start" && frame["data"]["in_reply_to"] == *question
        });
        let reply = start.await["data"]["message_id"].clone();
        bert.expect("some text", |frame| {
            frame["type"] == "message_delta" && frame["data"]["message_id"] == reply
        })
        .await;
        let mut holder = 0;
        for (number, broker) in self.cluster.brokers.iter().enumerate() {
            if broker.metric("causerie_broker_slots_taken").await > 0.0 {
                holder = number;
            }
        }
        self.cluster.brokers[holder].kill();
        is_answered(bert, &ack).await;
        self.cluster.restart_broker(holder).await;
        prometheus.scrape(&self.nodes());
    }

    pub(crate) async fn redis_dies(&mut self, prometheus: &Prometheus) {
        self.cluster.redis().kill();
        prometheus.until("min(causerie_ready) == 0").await;
        self.cluster.redis().restart().await;
        for node in self.cluster.gateways.iter().chain(&self.cluster.brokers) {
            node.ready().await;
        }
    }

    pub(crate) async fn redis_hangs(&mut self, bert: &mut Client) {
        self.cluster.redis().pause();
        let asked = json!({"user_input": "Are you there?", "room": PROJECT});
        let refused = bert
            .request(json!({"action": "sendMessage", "data": asked}))
            .await;
        assert_eq!(refused["type"], "error", "{refused}");
        self.cluster.redis().resume();
        self.cluster.gateways[1].ready().await;
        ask(bert).await;
    }
}
