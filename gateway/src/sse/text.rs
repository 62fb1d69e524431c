//! How frames are written in an event stream.

use causerie_shared::protocol::event::Event;

use super::position::Positions;
use crate::frame::OutFrame;

/// Sent now and then, so that nobody on the way gives the stream up.
pub(super) const COMMENT: &str = ":\n\n";

/// Writes the event `name` with `json` as its data.
pub(super) fn write_event(out: &mut String, name: &str, json: &str) {
    // `error` is what an EventSource calls its own failures.
    let name = if name == Event::Error.name() {
        "fault"
    } else {
        name
    };
    out.push_str("event: ");
    out.push_str(name);
    for line in json.split(['\n', '\r']) {
        out.push_str("\ndata: ");
        out.push_str(line);
    }
    out.push_str("\n\n");
}

/// Writes `frame`, with the reader's positions where it moves one of them.
pub(super) fn write_frame(out: &mut String, frame: &OutFrame, positions: &mut Positions) {
    if let (Some(room), Some(position)) = (&frame.room, &frame.position) {
        positions.reached(&room.room, position);
        positions.write(out);
    }
    write_event(out, &frame.event, frame.json());
}

/// Writes how long a client waits before it opens the stream again.
pub(super) fn write_retry(out: &mut String, ms: u64) {
    out.push_str(&format!("retry: {ms}\n\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_name_and_its_data() {
        let mut out = String::new();
        write_event(&mut out, "pong", r#"{"a":1}"#);
        write_event(&mut out, "error", "{\n}");
        write_retry(&mut out, 250);
        assert_eq!(
            out,
            "event: pong\ndata: {\"a\":1}\n\nevent: fault\ndata: {\ndata: }\n\nretry: 250\n\n"
        );
    }
}
