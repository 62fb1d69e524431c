//! Hostile clients, each at a real gateway with a well-behaved client beside it, that is
//! served all the while; and the gateway takes no more than 64 MiB more for it. Each plays
//! once; `gateway/tests/hostile/run` has them play on and on, and measures.
//!
//! | who | test here | and |
//! |---|---|---|
//! | never sends a whole request | `connections::who_trickles_a_request_is_hung_up_on` | `edge/admission.rs`: one alone, and a body |
//! | begins a handshake of TLS | `handshakes::who_does_not_finish_a_handshake_is_hung_up_on` | `edge/tls/clients.rs`: one alone |
//! | opens and says nothing | `connections::who_says_nothing_is_hung_up_on` | `core/life.rs`: who falls silent later |
//! | never reads | `connections::who_never_reads_is_sent_away` | `core/slow_readers.rs`, `edge/events.rs` |
//! | pings without end | `floods::pings_without_end` | `core/slow_readers.rs`: control frames first |
//! | sends tiny fragments | `floods::tiny_fragments_without_end` | `websocket/limits.rs`, `codec/tests/limits.rs` |
//! | sends compressed bombs | `floods::compressed_bombs` | `websocket/compression.rs`, `codec/inflate.rs` |
//! | subscribes to rooms without end | `floods::rooms_without_end` | `edge/pace.rs`, `limits/main.rs`: held off everywhere |
//! | has a token of another tenant | `strangers::bad_tokens` | `edge/auth.rs`, `core/actions.rs`: nothing crosses tenants |
//! | confuses algorithms: `none`, HS256 with the public key | `strangers::bad_tokens` | `edge/auth.rs`, with each kind of key |
//! | has an expired token | `strangers::bad_tokens` | `core/life.rs`: on a live connection |
//! | replays a revoked token | `strangers::a_revoked_token_opens_nothing_any_more` | `cluster/revoking.rs`: everywhere within a second |
//! | replays a message | | `core/actions.rs`, `edge/chat.rs`: stored once |
//! | puts separators, hash tags, line breaks, NUL into names | `strangers::names_of_rooms` | `fuzz/src/names.rs` |
//! | injects headers, or a second request | `injections::injected_headers` | `edge/address.rs`: forged addresses |
//! | hijacks WebSockets from a foreign page | `strangers::foreign_pages` | `edge/admission.rs`, `edge/reading.rs` |
//! | guesses API keys | | `limits/main.rs`, `edge/api_keys.rs` |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod connections;
mod files;
mod floods;
mod good;
mod handshakes;
mod injections;
mod report;
mod stage;
mod strangers;
