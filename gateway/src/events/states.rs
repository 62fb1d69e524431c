//! How many connections are in which state. They are counted by whoever looks at all now and
//! then, so that no connection pays for it.

use metrics::{Gauge, gauge};

use crate::connection::{Connection, State, Transport};

pub(super) fn begin_at_zero() {
    States::default().show();
    waiting().increment(0.0);
}

/// How many connections of each transport are in which state.
#[derive(Debug, Default)]
pub(crate) struct States([[u32; State::ALL.len()]; Transport::ALL.len()]);

impl States {
    /// Counts one more.
    pub(crate) fn count(&mut self, connection: &Connection) {
        let of_transport = self.0.get_mut(connection.transport as usize);
        let count = of_transport.and_then(|all| all.get_mut(connection.state() as usize));
        if let Some(count) = count {
            *count += 1;
        }
    }

    /// Shows them.
    pub(crate) fn show(&self) {
        for (transport, counts) in Transport::ALL.iter().zip(&self.0) {
            for (state, count) in State::ALL.iter().zip(counts) {
                in_state(state.name(), transport.name()).set(*count);
            }
        }
    }
}

/// Connections from which a request, or the handshake before it, is awaited: their transport
/// nobody knows yet.
pub(crate) fn waiting() -> Gauge {
    in_state("waiting", "none")
}

fn in_state(state: &'static str, transport: &'static str) -> Gauge {
    gauge!("causerie_connections_by_state", "state" => state, "transport" => transport)
}
