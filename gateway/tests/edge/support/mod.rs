pub(crate) mod config;
pub(crate) mod keys;
pub(crate) mod publisher;
