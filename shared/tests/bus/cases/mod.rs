//! The cases, by what they are about.

pub mod accepting;
pub mod allowing;
pub mod any_order;
pub mod attending;
pub mod auditing;
pub mod deleting;
pub mod failing;
pub mod hearing;
pub mod keys;
pub mod making;
pub mod ordering;
pub mod posting;
pub mod reading;
pub mod showing;
pub mod taking_over;
