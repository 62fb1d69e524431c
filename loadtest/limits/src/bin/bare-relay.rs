//! The floor of several processes: what somebody says is a PUBLISH to Redis, and
//! what SUBSCRIBE gives goes to all others in the room as in `bare-send`.
//!
//! ```text
//! taskset -c 0 bare-relay 9000 6379    # the second is Redis's port
//! ```
//!
//! There is no log, no number and no way to find what was lost.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use causerie_limits::cost::Cost;
use causerie_limits::crowd::{Crowd, Event};
use causerie_limits::resp;

fn main() -> anyhow::Result<()> {
    let mut crowd = Crowd::listen(causerie_limits::argument(1)?)?;
    let port = crowd.port();
    let redis = ("127.0.0.1", causerie_limits::argument(2)?);
    let mut publisher = TcpStream::connect(redis)?;
    publisher.set_nodelay(true)?;
    // Answers to PUBLISH would have to be read.
    publisher.write_all(&resp::command(&[b"CLIENT", b"REPLY", b"OFF"]))?;
    let mut subscriber = TcpStream::connect(redis)?;
    subscriber.set_nodelay(true)?;
    subscriber.set_nonblocking(true)?;
    crowd.watch(&subscriber)?;

    let mut cost = Cost::new()?;
    let mut heard = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        // All that was read in one go is published with one write: each costs
        // Redis and this process more than the command itself.
        let (mut publish, mut subscribe) = (Vec::new(), Vec::new());
        for event in crowd.wait()? {
            match event {
                Event::New(room) => {
                    let name = crowd.name(room).as_bytes();
                    subscribe.extend(resp::command(&[b"SUBSCRIBE", name]));
                }
                // What travels is the frame itself, made once for all processes, behind
                // who said it.
                Event::Said(said) => {
                    let message = resp::envelope(port, &said);
                    publish.extend(resp::command(&[b"PUBLISH", &said.room, &message]));
                }
                Event::Foreign => {
                    match subscriber.read(&mut buffer) {
                        Ok(0) => anyhow::bail!("Redis has gone"),
                        Ok(read) => heard.extend_from_slice(buffer.get(..read).unwrap_or_default()),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error.into()),
                    }
                    let mut rest = heard.as_slice();
                    while let Some((name, message)) = resp::next_push(&mut rest)? {
                        let Some(room) = crowd.room(name) else {
                            continue;
                        };
                        let Some(message) = message else {
                            crowd.open(room)?;
                            continue;
                        };
                        let (by, frame) = resp::opened(port, message)?;
                        cost.count(crowd.send(room, frame, by)?);
                    }
                    let done = heard.len() - rest.len();
                    heard.drain(..done);
                }
            }
        }
        publisher.write_all(&publish)?;
        // Not often, and little: Redis takes it at once.
        subscriber.write_all(&subscribe)?;
        cost.print_each_second()?;
    }
}
