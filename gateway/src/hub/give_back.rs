//! Memory of what is empty.

use std::collections::BTreeMap;

/// Frees what a map keeps once it is empty: a node for eleven entries, which in most rooms
/// would be kept for none.
pub(super) fn give_back<K, V>(map: &mut BTreeMap<K, V>) {
    if map.is_empty() {
        *map = BTreeMap::new();
    }
}
