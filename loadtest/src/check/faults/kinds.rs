//! What each kind of fault strikes.

use crate::ledger::Fault;

/// Whether a fault strikes a broker, the storage, or what is between them: all
/// but those that strike only people, gateways or the AI.
pub(super) fn stops_brokers(fault: &Fault) -> bool {
    let mut targets = fault.target.split(", ");
    let is_elsewhere = |target: &str| target == "people" || target.starts_with("gateway");
    !is_of_the_ai(fault) && !targets.all(is_elsewhere)
}

/// Whether a fault strikes people, gateways, the storage, or what is between them:
/// all but those that strike only brokers or the AI.
pub(super) fn parts_people(fault: &Fault) -> bool {
    let mut targets = fault.target.split(", ");
    !is_of_the_ai(fault) && !targets.all(|target| target.starts_with("broker"))
}

/// Whether a fault strikes people, the storage, or all nodes: another door is none
/// better.
pub(super) fn shuts_all_doors(fault: &Fault) -> bool {
    ["people", "all nodes", "network"].contains(&fault.target.as_str()) || is_of_the_storage(fault)
}

/// Whether it strikes what is between people and gateways.
pub(super) fn is_of_doors(fault: &Fault) -> bool {
    fault.kind.starts_with("door")
}

/// Whether by it connections end without a word: a gateway dies or stands still, or
/// little or nothing passes on the way to one.
pub(super) fn ends_connections(fault: &Fault) -> bool {
    let kills_gateways = fault.kind.ends_with("killed") && fault.target.contains("gateway");
    let is_mere_delay = fault.kind.ends_with("delayed");
    // Of the simulation: it spoils the way of people without striking at doors.
    let is_weather = fault.kind == "people-weather";
    kills_gateways || freezes_gateways(fault) || is_weather || is_of_doors(fault) && !is_mere_delay
}

/// Whether it makes a gateway stand still.
pub(super) fn freezes_gateways(fault: &Fault) -> bool {
    fault.kind.ends_with("frozen") && fault.target.contains("gateway")
}

pub(super) fn is_of_the_ai(fault: &Fault) -> bool {
    fault.kind.starts_with("ai-")
}

/// Whether it strikes what rooms are kept in: Redis, its primary, the master or
/// the slot of a room.
pub(super) fn is_of_the_storage(fault: &Fault) -> bool {
    fault.target == "redis" || fault.target.starts_with("the ")
}

/// Whether it strikes the way to Sentinels, and none to a server.
pub(super) fn is_of_sentinels(fault: &Fault) -> bool {
    fault.kind.starts_with("sentinels-link-")
}
