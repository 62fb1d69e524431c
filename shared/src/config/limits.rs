//! How much may be asked for, and by whom.

use std::time::Duration;

use super::network::Cidr;
use super::section::{Program, section};
use super::types::Size;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// How much may be asked for.
    Limits {
        /// How long a repeated `id` gets the first answer again.
        dedup_window: Duration = DAY, in 1..=604800;
        /// Most questions of one session in one room, whoever asks them, that wait or are
        /// being answered.
        queued_per_session: u32 = 20, in 1..=10000;
        /// Most questions of one user that wait or are being answered, in the rooms of one
        /// partition: the user's own room is in one.
        queued_per_user: u32 = 100, in 1..=100000;
        /// The same of one tenant.
        queued_per_tenant: u32 = 10_000, in 1..=10000000;
        /// Sockets and streams that may be opened, or tried, a minute from one
        /// address (of IPv6 its /64) without a token, and as many at once.
        connections_per_minute_per_ip: u32 = 10, in 1..=1000000;
        /// The same of one user, whose token is believed.
        connections_per_minute_per_user: u32 = 60, in 1..=1000000;
        /// People a minute who may become visitors from one address.
        visitors_per_minute_per_ip: u32 = 5, in 1..=1000000;
        /// Most connections at once of one user to one gateway.
        connections_per_user: usize = 100, in 1..=10000000;
        /// Most connections at once of one tenant to one gateway; as many as it has if
        /// not set.
        connections_per_tenant: Option<usize> = None, in 1..=10000000;
        /// How long nobody may come in from the address of a client that was closed
        /// with 4508, or that went on asking over HTTP for what was refused.
        hold_off: Duration = MINUTE, in 0..=86400;
        /// Messages a minute of one connection, and as many at once.
        messages_per_minute_per_connection: u32 = 60, in 1..=1000000;
        /// Messages a minute of one user, over all connections and over HTTP, and as many
        /// at once; twice as many as of one connection if not set.
        messages_per_minute_per_user: Option<u32> = None, in 1..=1000000;
        /// The same of one visitor; as many as of one connection if not set.
        messages_per_minute_per_visitor: Option<u32> = None, in 1..=1000000;
        /// How often a minute one connection may say that its user types, or has read.
        typing_per_minute: u32 = 120, in 1..=1000000;
        /// Frames a second of one connection, whatever they ask for; and requests of one
        /// user over HTTP.
        requests_per_second: u32 = 50, in 1..=1000000;
        /// How many of these may come at once.
        burst: u32 = 100, in 1..=1000000;
        /// The same of all users and visitors of one tenant together, over HTTP and in
        /// frames other than `ping`, and again of its servers and those with a role; any
        /// number if not set.
        requests_per_second_per_tenant: Option<u32> = None, in 1..=10000000;
        /// How many of these may come at once; twice as many as a second if not set.
        burst_per_tenant: Option<u32> = None, in 1..=10000000;
        /// Requests a second with one API key.
        requests_per_second_per_key: u32 = 200, in 1..=1000000;
        /// How many of these may come at once.
        burst_per_key: u32 = 400, in 1..=1000000;
        /// Questions to the AI an hour of all visitors of one tenant, and as many at
        /// once.
        visitor_questions_per_hour: u32 = 10_000, in 1..=10000000;
        /// Most bytes of a message's `metadata`, as JSON.
        max_metadata_bytes: Size = Size::new(4 << 10), in 64..=16777216;
        /// Most bytes of the `conversation_context` that is kept with a question; of a
        /// longer one the newest messages that fit.
        max_context_bytes: Size = Size::new(32 << 10), in 64..=16777216;
        /// Who so often asks again before they may, at once or more than so often a minute, is
        /// closed with 4508; over HTTP their address is held off.
        violations_before_close: u32 = 20, in 1..=1000000;
        /// Addresses to which the limits of how often do not apply.
        exempt: Vec<Cidr> => |defaults| match defaults.program {
            Program::Standalone => Cidr::LOOPBACK.to_vec(),
            Program::Gateway | Program::Broker => Vec::new(),
        };
        /// The only addresses that may come in; all where none is named.
        allowed_ips: Vec<Cidr> = Vec::new();
        /// Addresses that may not come in, be they allowed or not.
        blocked_ips: Vec<Cidr> = Vec::new();
    }
}
