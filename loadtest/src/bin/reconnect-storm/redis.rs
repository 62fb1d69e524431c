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
    /// Scripts with which it looked for changes, which it does each second.
    pub looks: f64,
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
        let verbs = metrics.lines().filter_map(|line| {
            let rest = line.strip_prefix("causerie_bus_verb_seconds_count{verb=\"")?;
            let (verb, count) = rest.split_once("\"} ")?;
            Some((verb.to_owned(), count.parse().ok()?))
        });
        Ok(Self {
            scripts: calls("eval") + calls("evalsha"),
            subscriptions: calls("ssubscribe") + calls("sunsubscribe"),
            verbs: verbs.collect(),
        })
    }

    /// What was asked since `before`, which is so long ago.
    pub(crate) fn since(&self, before: &Self, within: Duration) -> Counted {
        let verb = |name: &str| {
            let of = |commands: &Self| commands.verbs.get(name).copied().unwrap_or_default();
            of(self) - of(before)
        };
        Counted {
            within,
            scripts: self.scripts - before.scripts,
            subscriptions: self.subscriptions - before.subscriptions,
            reads: verb("read"),
            looks: verb("changed"),
        }
    }
}

impl Counted {
    /// What the coming of so many clients has cost, for each: subscriptions, for
    /// each of which at the most one fence is published, and reads.
    pub(crate) fn for_each_of(&self, clients: usize) -> f64 {
        (2.0 * self.subscriptions + self.reads) / clients as f64
    }
}
