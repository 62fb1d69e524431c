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
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use causerie_loadtest::circumstances;
use causerie_shared::bus::feed::{Feed, Heard};
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::{Appended, Beat, Claim};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::room::RoomKey;
use causerie_testkit::redis::Redis;
use causerie_testkit::resp::Resp;
use clap::Parser;
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
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let redis = Redis::start().await;
    let settings = RedisSettings::new(redis.url());
    let bus: Arc<dyn Bus> = Arc::new(RedisBus::connect(settings, Retention::default()).await?);
    let rooms: Vec<_> = (0..args.rooms).map(scene::room).collect::<Result<_, _>>()?;
    let meter = Meter::new(&redis).await?;
    say(&format!("{}\n{}\n", circumstances::load(), Meter::HEAD))?;
    let wanted = |step: &str| args.only.is_empty() || args.only.iter().any(|only| only == step);
    for &callers in &args.callers {
        if wanted("publish") {
            let publish = async |number: usize| {
                let room = room_of(&rooms, number)?;
                Ok(bus.publish(room, &scene::typing(room)).await?)
            };
            let cost = in_turn(&meter, callers, args.operations, publish).await?;
            say(&cost.row(&format!("publish, {callers} callers")))?;
        }
        if wanted("accept") {
            let accept = async |number: usize| {
                let question = scene::said(room_of(&rooms, number)?)?;
                bus.accept(&question).await?;
                Ok(())
            };
            let cost = in_turn(&meter, callers, args.operations, accept).await?;
            say(&cost.row(&format!("accept, {callers} callers")))?;
        }
    }
    let claims = if wanted("append") || wanted("beat") {
        claims(&bus, &rooms).await?
    } else {
        Vec::new()
    };
    for &callers in &args.callers {
        if wanted("append") {
            let cost = append(&meter, &bus, &claims, callers, args.operations).await?;
            say(&cost.row(&format!("append, {callers} replies")))?;
        }
    }
    if wanted("beat") {
        let beat = async |number: usize| {
            let claim = claims.get(number % claims.len()).context("a claim")?;
            let beat = bus.beat(&claim.lease, number as u64 + 1).await?;
            ensure!(matches!(beat, Beat::Held { .. }), "a lease was lost");
            Ok(())
        };
        let cost = in_turn(&meter, claims.len(), args.operations, beat).await?;
        say(&cost.row(&format!("beat, {} at once", claims.len())))?;
    }
    for &burst in &args.bursts {
        if wanted("hear") {
            let cost = hear(&meter, &redis, &bus, &rooms, burst, args.operations).await?;
            say(&cost.row(&format!("hear, {burst} at once")))?;
        }
    }
    Ok(())
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

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
