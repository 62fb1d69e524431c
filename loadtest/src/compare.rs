//! What the program `compare` is made of: Causerie, its rivals and the floors, one
//! after another on the same cores under the same load.
//!
//! - [`contender`]: who is compared
//! - [`cores`]: which cores a server gets, and which the load
//! - [`stage`]: a contender that runs
//! - [`row`]: what is measured, and what is asked of Causerie
//! - [`measure`]: one contender under one row's load; [`effort`]: how much that is
//!   worth; [`quiet`]: whether others left the machine alone
//! - [`run`]: what came of it; [`runs`]: of all; [`store`]: of earlier ones
//! - [`report`]: what is told of it; [`picture`]: as bars; `verdict`: whether goals are met

pub mod contender;
pub mod cores;
pub mod effort;
pub mod measure;
pub mod picture;
pub mod quiet;
pub mod report;
pub mod row;
pub mod run;
pub mod runs;
pub mod stage;
pub mod store;
mod verdict;
