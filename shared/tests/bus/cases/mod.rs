//! The cases, by what they are about.

pub mod accepting;
