//! What the way through Redis costs, verb by verb.
//!
//! ```text
//! cargo run --release --bin redis-path
//! ```
//!
//! A private Redis runs beside this process, which asks it by the very bus that
//! gateways and brokers use. Counted is time of processors, which a busy machine
//! hardly changes, and how often Redis had to read and to write for it.

mod cost;
mod scene;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_loadtest::{circumstances, remarks};
use causerie_shared::bus::feed::{Feed, Heard};
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::{Appended, Beat, Claim};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::room::RoomKey;
use causerie_testkit::redis::Redis;
use causerie_testkit::resp::Resp;
use clap::{Parser, ValueEnum};
use futures::future::try_join_all;

use cost::Meter;

/// Measures what the way through Redis costs.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Rooms, and replies that are made at once.
    #[arg(long, default_value_t = 1_000)]
    rooms: usize,
    /// Who asks at once, in turn: each asks anew when it was answered.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 1_000])]
    callers: Vec<usize>,
    /// How often each verb is asked for.
    #[arg(long, default_value_t = 20_000)]
    operations: usize,
    /// How many messages Redis publishes at once to one that hears.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 256])]
    bursts: Vec<usize>,
    /// Only these steps.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Step>,
    /// Where the report is written; it is printed in any case. Remarks beneath
    /// one that is there are kept.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Somebody types: published, and not kept.
    Publish,
    /// A message is taken: logged, numbered, published.
    Accept,
    /// A reply's delta is appended.
    Append,
    /// A reply's lease is renewed.
    Beat,
    /// What others published is heard.
    Hear,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let redis = Redis::start().await;
    let settings = RedisSettings::new(redis.url());
    let bus: Arc<dyn Bus> = Arc::new(RedisBus::connect(settings, Retention::default()).await?);
    let rooms: Vec<_> = (0..args.rooms).map(scene::room).collect::<Result<_, _>>()?;
    let meter = Meter::new(&redis).await?;
    let mut report = Report::default();
    report.add(Meter::HEAD)?;
    let wanted = |step| args.only.is_empty() || args.only.contains(&step);
    for &callers in &args.callers {
        if wanted(Step::Publish) {
            let publish = async |number: usize| {
                let room = room_of(&rooms, number)?;
                Ok(bus.publish(room, &scene::typing(room)).await?)
            };
            let cost = in_turn(&meter, callers, args.operations, publish).await?;
            report.add(&cost.row(&format!("publish, {callers} callers")))?;
        }
        if wanted(Step::Accept) {
            let accept = async |number: usize| {
                let question = scene::said(room_of(&rooms, number)?)?;
                bus.accept(&question).await?;
                Ok(())
            };
            let cost = in_turn(&meter, callers, args.operations, accept).await?;
            report.add(&cost.row(&format!("accept, {callers} callers")))?;
        }
    }
    let claims = if wanted(Step::Append) || wanted(Step::Beat) {
        claims(&bus, &rooms).await?
    } else {
        Vec::new()
    };
    for &callers in &args.callers {
        if wanted(Step::Append) {
            let cost = append(&meter, &bus, &claims, callers, args.operations).await?;
            report.add(&cost.row(&format!("append, {callers} replies")))?;
        }
    }
    if wanted(Step::Beat) {
        let beat = async |number: usize| {
            let claim = claims.get(number % claims.len()).context("a claim")?;
            let beat = bus.beat(&claim.lease, number as u64 + 1).await?;
            ensure!(matches!(beat, Beat::Held { .. }), "a lease was lost");
            Ok(())
        };
        let cost = in_turn(&meter, claims.len(), args.operations, beat).await?;
        report.add(&cost.row(&format!("beat, {} at once", claims.len())))?;
    }
    for &burst in &args.bursts {
        if wanted(Step::Hear) {
            let cost = hear(&meter, &redis, &bus, &rooms, burst, args.operations).await?;
            report.add(&cost.row(&format!("hear, {burst} at once")))?;
        }
    }
    report.end(args.report.as_deref())
}

/// What was measured, a line each.
#[derive(Default)]
struct Report(String);

impl Report {
    /// Adds a line, and prints it.
    fn add(&mut self, line: &str) -> anyhow::Result<()> {
        self.0.push_str(line);
        self.0.push('\n');
        Ok(writeln!(std::io::stdout().lock(), "{line}")?)
    }

    /// Prints under what circumstances that was, and writes all of it as Markdown.
    fn end(self, file: Option<&Path>) -> anyhow::Result<()> {
        let circumstances = circumstances::rows();
        writeln!(std::io::stdout().lock(), "\n{circumstances}")?;
        let Some(file) = file else {
            return Ok(());
        };
        let text = format!(
            "# The way through Redis\n\n\
             What each verb of the bus costs: time of processors in the process that asks, and in\n\
             Redis, and how often Redis read and wrote for it. Redis writes nothing to disk.\n\n\
             ```text\n{}```\n\n| | |\n|---|---|\n{circumstances}",
            self.0
        );
        remarks::write_above(file, &text)
    }
}

fn room_of(rooms: &[RoomKey], number: usize) -> anyhow::Result<&RoomKey> {
    rooms.get(number % rooms.len()).context("a room")
}

/// Many callers, each of which asks anew when it was answered.
async fn in_turn(
    meter: &Meter<'_>,
    callers: usize,
    operations: usize,
    ask: impl AsyncFn(usize) -> anyhow::Result<()>,
) -> anyhow::Result<cost::Cost> {
    let next = AtomicUsize::new(0);
    let caller = async || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= operations {
                return anyhow::Ok(());
            }
            ask(number).await?;
        }
    };
    let before = meter.read().await?;
    try_join_all((0..callers).map(|_| caller())).await?;
    meter.since(&before, operations).await
}

/// A reply of each room, claimed.
async fn claims(bus: &Arc<dyn Bus>, rooms: &[RoomKey]) -> anyhow::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for room in rooms {
        bus.accept(&scene::asked(room)?).await?;
        let id = causerie_shared::bus::reply::ClaimId::generate();
        let claim = bus.claim(room.partition(), &room.tenant, &id).await?;
        claims.push(claim.context("nothing waits")?);
    }
    Ok(claims)
}

/// Makes some replies at once, each delta after the one before it. Each in a task
/// of its own, as brokers do.
async fn append(
    meter: &Meter<'_>,
    bus: &Arc<dyn Bus>,
    claims: &[Claim],
    replies: usize,
    operations: usize,
) -> anyhow::Result<cost::Cost> {
    let replies = replies.min(claims.len());
    let each = operations.div_ceil(replies);
    let before = meter.read().await?;
    let makers = claims.iter().take(replies).map(|claim| {
        let (bus, claim) = (Arc::clone(bus), claim.clone());
        tokio::spawn(async move {
            let reply = bus.reply(&claim.lease.message_id).await?;
            let reply = reply.context("no reply")?.reply;
            let first = u64::try_from(reply.index + 1)?;
            for index in first..first + each as u64 {
                let delta = scene::delta(&claim, index);
                let appended = bus.append(&claim.lease, &delta).await?;
                ensure!(matches!(appended, Appended::Done { .. }), "{appended:?}");
            }
            anyhow::Ok(())
        })
    });
    for made in try_join_all(makers).await? {
        made?;
    }
    meter.since(&before, each * replies).await
}

/// Hears what Redis publishes by itself, some to different rooms at once.
async fn hear(
    meter: &Meter<'_>,
    redis: &Redis,
    bus: &Arc<dyn Bus>,
    rooms: &[RoomKey],
    burst: usize,
    operations: usize,
) -> anyhow::Result<cost::Cost> {
    let (feed, mut heard) = Feed::new(8_192);
    let subscriptions = bus.subscriptions(Arc::new(feed));
    for subscribed in subscriptions.subscribe_all(rooms).await {
        subscribed?;
    }
    let first = rooms.first().context("a room")?;
    let record = scene::typing(first).encode();
    let record = std::str::from_utf8(&record)?;
    let mut publisher = Resp::connect(redis.port())
        .await
        .map_err(anyhow::Error::msg)?;
    let script = "for i = 2, #ARGV do redis.call('SPUBLISH', ARGV[i], ARGV[1]) end";
    let before = meter.read().await?;
    let mut published = 0;
    while published < operations {
        let channels = (0..burst).map(|number| room_of(rooms, published + number));
        let channels: Vec<_> = channels.collect::<Result<_, _>>()?;
        let channels: Vec<_> = channels.into_iter().map(scene::channel).collect();
        let mut command = vec!["EVAL", script, "0", record];
        command.extend(channels.iter().map(String::as_str));
        let answer = publisher.command(&command).await;
        answer.map_err(anyhow::Error::msg)?;
        published += burst;
        for _ in 0..burst {
            match tokio::time::timeout(Duration::from_secs(5), heard.recv()).await? {
                Some(Heard::Record { .. }) => {}
                Some(Heard::Gap) | None => anyhow::bail!("a gap"),
            }
        }
    }
    meter.since(&before, published).await
}
