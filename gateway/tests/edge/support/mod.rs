pub(crate) mod config;
pub(crate) mod held_bus;
pub(crate) mod keys;
pub(crate) mod node;
pub(crate) mod pair;
pub(crate) mod publisher;
pub(crate) mod troubled_bus;
