//! The scripts, by their verbs.

use std::sync::LazyLock;

use fred::bytes_utils::Str;
use sha1::{Digest, Sha1};

/// One atomic step of the bus.
#[derive(Debug)]
pub(super) struct Script {
    /// The verb, for metrics.
    pub(super) verb: &'static str,
    /// What Redis runs.
    pub(super) text: &'static str,
    /// By what Redis knows it.
    pub(super) sha: Str,
}

macro_rules! scripts {
    ($($name:ident = $verb:literal [$($part:literal),+];)+) => {$(
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new($verb, concat!($(include_str!($part)),+)));
    )+};
}

scripts! {
    ACCEPT = "accept" [
        "scripts/base.lua", "scripts/each.lua", "scripts/log.lua", "scripts/replies.lua",
        "scripts/accept.lua"
    ];
    RECEIPT = "receipt" ["scripts/base.lua", "scripts/receipt.lua"];
    POST = "post" ["scripts/base.lua", "scripts/log.lua", "scripts/post.lua"];
    READ = "read"
        ["scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/read.lua"];
    HISTORY = "history" ["scripts/base.lua", "scripts/log.lua", "scripts/history.lua"];
    CHANGED = "changed" [
        "scripts/base.lua", "scripts/each.lua", "scripts/log.lua", "scripts/anywhere.lua",
        "scripts/changed.lua"
    ];
    REPLY = "reply"
        ["scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/reply.lua"];
    CANCEL = "cancel" [
        "scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/cancelling.lua",
        "scripts/cancel.lua"
    ];
    DELETE = "delete" [
        "scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/cancelling.lua",
        "scripts/delete.lua"
    ];
    WAITING = "waiting"
        ["scripts/base.lua", "scripts/each.lua", "scripts/anywhere.lua", "scripts/waiting.lua"];
    LEASES = "leases"
        ["scripts/base.lua", "scripts/each.lua", "scripts/anywhere.lua", "scripts/leases.lua"];
    CLAIM = "claim"
        ["scripts/base.lua", "scripts/replies.lua", "scripts/lease.lua", "scripts/claim.lua"];
    TAKE_OVER = "take_over"
        ["scripts/base.lua", "scripts/replies.lua", "scripts/lease.lua", "scripts/take_over.lua"];
    BEAT = "beat"
        ["scripts/base.lua", "scripts/each.lua", "scripts/lease.lua", "scripts/beat.lua"];
    ANNOUNCE = "announce" ["scripts/base.lua", "scripts/lease.lua", "scripts/announce.lua"];
    APPEND = "append"
        ["scripts/base.lua", "scripts/each.lua", "scripts/lease.lua", "scripts/append.lua"];
    FINISH = "finish"
        ["scripts/base.lua", "scripts/log.lua", "scripts/replies.lua", "scripts/finish.lua"];
    TAKE = "take" ["scripts/base.lua", "scripts/each.lua", "scripts/take.lua"];
    HOLD_OFF = "hold_off" ["scripts/base.lua", "scripts/hold_off.lua"];
    ORDER = "order" ["scripts/base.lua", "scripts/order.lua"];
    STATUS = "status"
        ["scripts/base.lua", "scripts/presence.lua", "scripts/status.lua"];
    ATTEND = "attend"
        ["scripts/base.lua", "scripts/each.lua", "scripts/presence.lua", "scripts/attend.lua"];
    PRESENT = "present" ["scripts/base.lua", "scripts/present.lua"];
    HOSTS = "hosts"
        ["scripts/base.lua", "scripts/each.lua", "scripts/anywhere.lua", "scripts/hosts.lua"];
    SWEEP = "sweep" ["scripts/base.lua", "scripts/presence.lua", "scripts/sweep.lua"];
    REVOKED = "revoked"
        ["scripts/base.lua", "scripts/each.lua", "scripts/anywhere.lua", "scripts/revoked.lua"];
    AUDIT = "audit" ["scripts/base.lua", "scripts/audit.lua"];
    AUDITED = "audited" ["scripts/base.lua", "scripts/audited.lua"];
    SHOW_NODE = "show_node" ["scripts/base.lua", "scripts/show_node.lua"];
    NOTE = "note" ["scripts/base.lua", "scripts/note.lua"];
    ADD_KEY = "add_key" ["scripts/base.lua", "scripts/add_key.lua"];
    KEY = "key" ["scripts/base.lua", "scripts/key.lua"];
    KEYS = "keys" ["scripts/base.lua", "scripts/keys.lua"];
    NOTE_KEY_USED = "note_key_used" ["scripts/base.lua", "scripts/note_key_used.lua"];
    REVOKE_KEY = "revoke_key" ["scripts/base.lua", "scripts/revoke_key.lua"];
}

impl Script {
    fn new(verb: &'static str, text: &'static str) -> Self {
        #[cfg(feature = "sabotage")]
        let text = sabotaged(text);
        let digest = Sha1::digest(text.as_bytes());
        let sha: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let sha = sha.into();
        Self { verb, text, sha }
    }
}

/// The script without the protections that were taken out.
#[cfg(feature = "sabotage")]
fn sabotaged(text: &str) -> &'static str {
    let mut text = text.to_owned();
    for (protection, with, without) in TAKEN_OUT {
        if protection.is_missing() {
            text = text.replace(with, without);
        }
    }
    text.leak()
}

/// What is replaced where a protection is taken out.
#[cfg(any(feature = "sabotage", test))]
const TAKEN_OUT: [(crate::sabotage::Protection, &str, &str); 4] = {
    use crate::sabotage::Protection;
    [
        (Protection::Dedup, "if receipt then", "if false then"),
        (
            Protection::Fencing,
            "return reply.lease == lease and reply or nil",
            "return reply.lease and reply or nil",
        ),
        (Protection::Fencing, "or lease_of(reply) ~= lease", ""),
        (
            Protection::SessionOrder,
            "if #ahead == #waiting or head ~= ahead[1].id then\n      offer_head_of(reply)",
            "if true then\n      offer(reply)",
        ),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sabotage_takes_out_is_there() {
        let scripts = [&ACCEPT, &CLAIM, &APPEND, &FINISH].map(|script| script.text);
        for (protection, with, _) in TAKEN_OUT {
            let is_there = scripts.iter().any(|text| text.contains(with));
            assert!(is_there, "{}: {with}", protection.name());
        }
    }
}
