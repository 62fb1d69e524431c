//! What is written down when all is over: the logs of all rooms, and the calls of
//! the AI.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use causerie_testkit::ai::{AiServer, Call as AiCall};
use serde_json::Value;

use super::crowd::{Crowd, Handle};
use crate::ledger::{Call, Durable, Log, What};
use crate::person::durable;

impl Crowd {
    /// Reads the logs of all rooms that anybody is in, from the gateway or balancer at `url`.
    pub(super) async fn write_logs(&self, url: &str) -> anyhow::Result<()> {
        let mut read = BTreeSet::new();
        for Handle { seat, state, .. } in &self.people {
            for room in state.positions().into_keys() {
                if !read.insert((seat.tenant, room.clone())) {
                    continue;
                }
                let events = log(url, &seat.token(), &room).await?;
                self.note(What::Log(Log {
                    tenant: seat.tenant.to_owned(),
                    room,
                    events,
                }))?;
            }
        }
        Ok(())
    }

    /// Writes down who was called: the backend that is asked first, then its fallbacks.
    pub(super) fn write_calls<'a>(
        &self,
        servers: impl IntoIterator<Item = &'a AiServer>,
    ) -> anyhow::Result<()> {
        for (number, server) in (0..).zip(servers) {
            let (calls, arrived) = (server.calls(), server.arrived());
            ensure!(
                calls.len() as u64 == arrived,
                "the AI server remembers {} of {arrived} calls: let fewer people talk, or faults \
                 strike",
                calls.len()
            );
            for call in calls {
                self.note(What::Call(self.read(&call, number)?))?;
            }
        }
        Ok(())
    }

    fn read(&self, call: &AiCall, fallback: u64) -> anyhow::Result<Call> {
        let id = call.id.as_deref().unwrap_or_default();
        let mut parts = id.rsplitn(3, '/');
        let mut next = || {
            parts
                .next()
                .with_context(|| format!("a call's name: {id:?}"))
        };
        let (number, attempt, question) = (next()?.parse()?, next()?.parse()?, next()?.to_owned());
        Ok(Call {
            question,
            attempt,
            r#try: number,
            fallback,
            began: self.pen.at(call.started),
            ended: call.ended.map(|ended| self.pen.at(ended)),
        })
    }
}

async fn log(url: &str, token: &str, room: &str) -> anyhow::Result<Vec<Durable>> {
    let mut events = Vec::new();
    let mut after = 0;
    loop {
        let page = format!("{url}/api/rooms/{room}/history?after={after}&limit=500");
        let answer = reqwest::Client::new()
            .get(&page)
            .bearer_auth(token)
            .send()
            .await?;
        let page: Value = answer.error_for_status()?.json().await?;
        let frames = page.get("events").and_then(Value::as_array);
        let frames = frames.context("a page of events")?;
        events.extend(frames.iter().map(durable));
        match events.last() {
            Some(last) if page.get("has_more") == Some(&Value::Bool(true)) => after = last.seq,
            Some(_) | None => return Ok(events),
        }
    }
}
