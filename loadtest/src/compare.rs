//! What the program `compare` is made of: Causerie, its rivals and the floors, one
//! after another on the same cores under the same load.
//!
//! - [`contender`]: who is compared
//! - [`cores`]: which cores a server gets, and which the load
//! - [`stage`]: a contender that runs
//! - [`row`]: what is measured, and what Causerie is to be better by
//! - [`measure`]: one contender under one row's load; [`runs`]: all of it;
//!   [`report`]: what is told of it

pub mod contender;
pub mod cores;
pub mod measure;
pub mod report;
pub mod row;
pub mod runs;
pub mod stage;
