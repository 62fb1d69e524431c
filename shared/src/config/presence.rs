//! Who is in a room.

use std::time::Duration;

use super::section::section;

section! {
    /// Who is in a room. See [the server API](server-api.md#presence).
    Presence {
        /// In rooms with more users than this nobody is told who comes, goes or changes
        /// their status; 0 for in none. Each is told to everybody there.
        announce_up_to: u32 = 100, in 0..=10000000;
        /// A user whose last connection to a gateway has broken or been closed is there for
        /// so long: who comes back meanwhile has not left.
        leave_after: Duration = Duration::from_secs(2), in 0..=60;
    }
}
