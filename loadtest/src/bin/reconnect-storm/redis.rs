//! What Redis was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use causerie_testkit::cluster::Cluster;

/// What was counted so far.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    /// Of all nodes, as Redis counts; commands within scripts are no part of it.
    scripts: f64,
    subscriptions: f64,
    /// By verb, as the gateway counts that the crowd comes to.
    verbs: BTreeMap<String, f64>,
    /// Rooms in which that gateway brought a client up to date, by what from.
    recoveries: BTreeMap<String, f64>,
}

/// What was counted within a time.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub within: Duration,
    /// EVAL and EVALSHA of all nodes.
    pub scripts: f64,
    /// SSUBSCRIBE and SUNSUBSCRIBE.
    pub subscriptions: f64,
    /// Scripts that the gateway read rooms with.
    pub reads: f64,
    /// Scripts with which it counted who came.
    pub takes: f64,
    /// Scripts with which it looked for changes, which it does each second.
    pub looks: f64,
    /// Rooms in which somebody was brought up to date from the gateway's memory.
    pub from_tail: f64,
    /// The same from what was read for one alone.
    pub from_log: f64,
}

impl Commands {
    /// Counts what was asked until now.
    pub(crate) async fn count(cluster: &mut Cluster) -> anyhow::Result<Self> {
        let stats = cluster.redis().command(&["INFO", "commandstats"]).await;
        let stats = stats.text();
        let calls = |command: &str| {
            let name = format!("cmdstat_{command}:calls=");
            let found = stats.lines().find_map(|line| line.strip_prefix(&name));
            let calls = found.and_then(|rest| rest.split(',').next()?.parse::<f64>().ok());
            calls.unwrap_or_default()
        };
        let gateway = cluster.gateways.get(1).context("a gateway")?;
        let metrics = gateway.metrics().await;
        let by_label = |name: &str| {
            let labelled = metrics.lines().filter_map(|line| {
                let (label, count) = line.strip_prefix(name)?.split_once("\"} ")?;
                Some((label.to_owned(), count.parse().ok()?))
            });
            labelled.collect()
        };
        Ok(Self {
            scripts: calls("eval") + calls("evalsha"),
            subscriptions: calls("ssubscribe") + calls("sunsubscribe"),
            verbs: by_label("causerie_bus_verb_seconds_count{verb=\""),
            recoveries: by_label("causerie_recoveries_total{from=\""),
        })
    }

    /// What was asked since `before`, which is so long ago.
    pub(crate) fn since(&self, before: &Self, within: Duration) -> Counted {
        let more = |of: fn(&Self) -> &BTreeMap<String, f64>, name: &str| {
            let count = |commands: &Self| of(commands).get(name).copied().unwrap_or_default();
            count(self) - count(before)
        };
        let verb = |name| more(|commands| &commands.verbs, name);
        let recovered = |from| more(|commands| &commands.recoveries, from);
        Counted {
            within,
            scripts: self.scripts - before.scripts,
            subscriptions: self.subscriptions - before.subscriptions,
            reads: verb("read"),
            takes: verb("take"),
            looks: verb("changed"),
            from_tail: recovered("tail"),
            from_log: recovered("log"),
        }
    }
}

impl Counted {
    /// What the coming of so many clients has cost, for each: subscriptions,
    /// reads, and counting.
    pub(crate) fn for_each_of(&self, clients: usize) -> f64 {
        (self.subscriptions + self.reads + self.takes) / clients as f64
    }
}
