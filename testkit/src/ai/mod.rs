//! AI servers.
