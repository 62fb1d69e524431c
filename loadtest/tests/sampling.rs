//! What the sampler sees of real processes and of a real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use causerie_loadtest::load::sample::{Role, Sampler, Samples, Watch, WatchedProcess, Which};
use causerie_testkit::redis::Redis;

/// A process group, ended however the test ends.
struct Group(Child);

impl Group {
    fn start(script: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    fn watched(&self, name: &str) -> WatchedProcess {
        format!("{name}=-{}", self.0.id()).parse().unwrap()
    }

    fn wait_for_a_line(&mut self) {
        let stdout = self.0.stdout.as_mut().unwrap();
        BufReader::new(stdout)
            .read_line(&mut String::new())
            .unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

fn cpu(samples: &Samples, name: &str) -> f64 {
    let process = samples.processes.iter().find(|of| of.name == name);
    process.unwrap().samples.last().unwrap().cpu_seconds
}

#[test]
fn who_burns_and_who_rests_is_told_apart() {
    // The first process of the group waits; the one that it starts burns.
    let mut busy = Group::start(
        "(i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done; \
         echo burnt; exec sleep 600) & wait",
    );
    let idle = Group::start("exec sleep 600");
    let watch = Watch {
        servers: vec![busy.watched("busy"), idle.watched("idle")],
        ..Watch::default()
    };
    let sampler = Sampler::start(&watch).unwrap();
    busy.wait_for_a_line();
    let samples = sampler.end().unwrap();

    assert!(cpu(&samples, "busy") > 0.05, "{samples:?}");
    assert!(
        cpu(&samples, "busy") > 10.0 * cpu(&samples, "idle"),
        "{samples:?}"
    );
    assert_eq!(samples.of(Role::Server).count(), 2);
    assert_eq!(samples.of(Role::Clients).count(), 1);
    let machine = &samples.machines[0];
    let all = machine.last().unwrap().cpu_seconds - machine[0].cpu_seconds;
    assert!(all > 0.05, "{machine:?}");
}

#[test]
fn who_is_not_named_is_one_of_the_others() {
    let mut busy = Group::start(
        "i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done; echo burnt; exec sleep 600",
    );
    let idle = Group::start("exec sleep 600");
    let watch = Watch {
        servers: vec![idle.watched("idle")],
        ..Watch::default()
    };
    let sampler = Sampler::start(&watch).unwrap();
    busy.wait_for_a_line();
    let samples = sampler.end().unwrap();
    let others = samples.cpu_seconds_of_others(0, u64::MAX).unwrap();
    assert!(others > 0.05, "{samples:?}");
}

#[tokio::test]
async fn redis_tells_of_its_commands_clients_and_channels() {
    let redis = Redis::options().password("secret").start().await;
    let node = format!("redis-1={}", redis.url());
    let watch = Watch {
        redis: vec![node.parse().unwrap()],
        ..Watch::default()
    };
    let sampler = Sampler::start(&watch).unwrap();
    for _ in 0..100 {
        redis.command(&["SET", "key", "value"]).await;
    }
    sampler.look();
    let samples = sampler.end().unwrap();
    let [first, .., last] = &samples.redis[0].samples[..] else {
        panic!("{samples:?}");
    };
    assert!(last.commands >= first.commands + 100, "{samples:?}");
    assert!(last.clients >= 1 && last.memory_bytes > 100_000, "{last:?}");
    assert!(last.sent_bytes > first.sent_bytes, "{samples:?}");
}

#[test]
fn what_does_not_run_is_named() {
    let missing = WatchedProcess {
        name: "gateway-7".to_owned(),
        // Beyond the highest id that Linux gives.
        which: Which::One(1 << 23),
    };
    let watch = Watch {
        servers: vec![missing],
        ..Watch::default()
    };
    let error = Sampler::start(&watch).unwrap_err().to_string();
    assert_eq!(error, "no process gateway-7 runs");

    let watch = Watch {
        redis: vec!["redis-7=redis://127.0.0.1:1".parse().unwrap()],
        ..Watch::default()
    };
    let error = Sampler::start(&watch).unwrap_err().to_string();
    assert_eq!(error, "asking redis-7");
}
