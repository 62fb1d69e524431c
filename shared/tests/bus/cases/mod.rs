//! The cases, by what they are about.

pub mod accepting;
pub mod any_order;
#[expect(dead_code, reason = "until a bus with a storage is plugged in")]
pub mod failing;
pub mod hearing;
pub mod making;
pub mod reading;
pub mod taking_over;
