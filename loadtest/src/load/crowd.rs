//! Threads of clients, and who gives them orders.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use anyhow::Context;
use mio::Waker;

use super::behaviour::Behaviour;
use super::worker::{Command, Worker};

/// Threads of clients. Dropping it ends them all.
pub(crate) struct Crowd<B: Behaviour> {
    threads: Vec<Thread<B>>,
}

struct Thread<B: Behaviour> {
    /// Taken away when it is to end.
    commands: Option<Sender<Command<B>>>,
    waker: Waker,
    handle: Option<JoinHandle<io::Result<()>>>,
}

impl<B: Behaviour> Crowd<B> {
    /// Starts a thread for each of these.
    ///
    /// # Errors
    /// The system has no threads left, or no files.
    pub(crate) fn start(behaviours: Vec<B>) -> anyhow::Result<Self> {
        let mut threads = Vec::new();
        for behaviour in behaviours {
            let (commands, inbox) = channel();
            let (worker, waker) = Worker::new(behaviour, inbox)?;
            let name = format!("clients-{}", threads.len());
            let thread = std::thread::Builder::new().name(name);
            threads.push(Thread {
                commands: Some(commands),
                waker,
                handle: Some(thread.spawn(|| worker.run())?),
            });
        }
        Ok(Self { threads })
    }

    /// Gives each thread an order.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) fn order(&self, order: &B::Order) -> anyhow::Result<()>
    where
        B::Order: Clone,
    {
        for thread in &self.threads {
            thread.command(Command::Order(order.clone()))?;
        }
        Ok(())
    }

    /// What each thread found since it was asked last.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) fn findings(&self) -> anyhow::Result<Vec<B::Findings>> {
        let (to, from) = channel();
        for thread in &self.threads {
            thread.command(Command::Report(to.clone()))?;
        }
        drop(to);
        let findings: Vec<_> = from.iter().collect();
        anyhow::ensure!(findings.len() == self.threads.len(), THREAD_ENDED);
        Ok(findings)
    }
}

const THREAD_ENDED: &str = "a thread of clients has ended";

impl<B: Behaviour> Thread<B> {
    fn command(&self, command: Command<B>) -> anyhow::Result<()> {
        let commands = self.commands.as_ref().context(THREAD_ENDED)?;
        commands.send(command).ok().context(THREAD_ENDED)?;
        self.waker.wake()?;
        Ok(())
    }
}

impl<B: Behaviour> Drop for Crowd<B> {
    fn drop(&mut self) {
        for thread in &mut self.threads {
            thread.commands = None;
            // Where that fails it has ended by itself.
            let _ = thread.waker.wake();
        }
        for thread in &mut self.threads {
            let _ = thread.handle.take().map(JoinHandle::join);
        }
    }
}
