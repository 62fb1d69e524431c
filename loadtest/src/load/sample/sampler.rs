//! A thread that looks at everything each second.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::process::{self, Which};
use super::redis::Node;
use super::{Process, Redis, Role, Samples, Watch, machine};

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at everything each second, on a thread of its own.
#[derive(Debug)]
pub struct Sampler {
    /// Wishes for a look at once, each with somewhere to tell that it was taken.
    wishes: Sender<Sender<()>>,
    thread: JoinHandle<Samples>,
}

/// What is looked at, and what was seen.
#[derive(Debug)]
struct Looker {
    processes: Vec<process::Watched>,
    nodes: Vec<Node>,
    is_machine_watched: bool,
    /// In the same order.
    seen: Samples,
}

impl Sampler {
    /// Takes a first look, and goes on each second.
    ///
    /// # Errors
    /// One of the processes does not run, or a node of Redis does not answer.
    pub fn start(watch: &Watch) -> anyhow::Result<Self> {
        let mut looker = Looker::new(watch)?;
        looker.look_first()?;
        let (wishes, inbox) = channel();
        let thread = std::thread::Builder::new().name("sampler".to_owned());
        Ok(Self {
            wishes,
            thread: thread.spawn(move || looker.run(&inbox))?,
        })
    }

    /// Takes a look now, beside those of each second: at the begin and the end of
    /// what is measured.
    pub fn look(&self) {
        let (taken, is_taken) = channel();
        if self.wishes.send(taken).is_ok() {
            // It fails when the look was not taken: then there is nothing to wait for.
            let _ = is_taken.recv();
        }
    }

    /// Takes a last look, and gives all that was seen.
    ///
    /// # Errors
    /// The thread has panicked.
    pub fn end(self) -> anyhow::Result<Samples> {
        drop(self.wishes);
        let seen = self.thread.join();
        seen.map_err(|_| anyhow!("what looks at processes has panicked"))
    }
}

impl Looker {
    fn new(watch: &Watch) -> anyhow::Result<Self> {
        let servers = watch.servers.iter().map(|of| (Role::Server, of));
        let storage = watch.storage.iter().map(|of| (Role::Storage, of));
        let others = servers.chain(storage);
        let others = others.map(|(role, of)| (role, of.name.clone(), of.which));
        let own = Which::One(std::process::id());
        let all = others.chain([(Role::Clients, "clients".to_owned(), own)]);
        let mut looker = Self {
            processes: Vec::new(),
            nodes: Vec::new(),
            is_machine_watched: watch.is_told(),
            seen: Samples::default(),
        };
        for (role, name, which) in all {
            looker.processes.push(process::Watched::new(which));
            let samples = Vec::new();
            looker.seen.processes.push(Process {
                name,
                role,
                samples,
            });
        }
        for redis in &watch.redis {
            looker.nodes.push(Node::new(&redis.url)?);
            looker.seen.redis.push(Redis {
                name: redis.name.clone(),
                samples: Vec::new(),
            });
        }
        if looker.is_machine_watched {
            looker.seen.machines.push(Vec::new());
        }
        Ok(looker)
    }

    /// What is not there to begin with was named wrongly.
    fn look_first(&mut self) -> anyhow::Result<()> {
        for (watched, seen) in self.processes.iter_mut().zip(&mut self.seen.processes) {
            let used = watched.look();
            let used = used.with_context(|| format!("no process {} runs", seen.name))?;
            seen.samples.push(used);
        }
        for (node, seen) in self.nodes.iter_mut().zip(&mut self.seen.redis) {
            let said = node.look();
            let said = said.with_context(|| format!("asking {}", seen.name))?;
            seen.samples.push(said);
        }
        self.look_at_machine();
        Ok(())
    }

    /// Processes may end, and Redis may be away for a while: then nothing is seen.
    fn look(&mut self) {
        for (watched, seen) in self.processes.iter_mut().zip(&mut self.seen.processes) {
            seen.samples.extend(watched.look());
        }
        for (node, seen) in self.nodes.iter_mut().zip(&mut self.seen.redis) {
            seen.samples.extend(node.look().ok());
        }
        self.look_at_machine();
    }

    fn look_at_machine(&mut self) {
        for seen in &mut self.seen.machines {
            seen.extend(machine::look());
        }
    }

    fn run(mut self, wishes: &Receiver<Sender<()>>) -> Samples {
        let mut next = Instant::now() + EVERY;
        loop {
            let left = next.saturating_duration_since(Instant::now());
            let wish = wishes.recv_timeout(left);
            self.look();
            match wish {
                Ok(taken) => {
                    // Nobody waits for it any more: the look was taken all the same.
                    let _ = taken.send(());
                }
                Err(RecvTimeoutError::Timeout) => next += EVERY,
                Err(RecvTimeoutError::Disconnected) => return self.seen,
            }
        }
    }
}
