//! The floor of a single process: what somebody says goes to all others in the
//! room with one `send(2)` for each, in a plain loop.
//!
//! ```text
//! taskset -c 0 bare-send 9000
//! ```
//!
//! Clients come to `ws://…:9000/?room={room}`, are told `joined`, and say
//! `{room}\n{text}`. Nothing is looked at, kept, numbered or allowed: whoever does
//! any of that does more. One thread, for one
//! core: a second would cost this one locks or hand-overs.

use causerie_limits::cost::Cost;
use causerie_limits::crowd::{Crowd, Event};

fn main() -> anyhow::Result<()> {
    let mut crowd = Crowd::listen(causerie_limits::argument(1)?)?;
    let mut cost = Cost::new()?;
    loop {
        for event in crowd.wait()? {
            match event {
                Event::New(room) => crowd.open(room)?,
                // The frame was made once, for all; std's `write` on a socket is `send(2)`.
                Event::Said(said) => {
                    if let Some(room) = crowd.room(&said.room) {
                        cost.count(crowd.send(room, &said.frame, Some(said.by))?);
                    }
                }
                Event::Foreign => {}
            }
        }
        cost.print_each_second()?;
    }
}
