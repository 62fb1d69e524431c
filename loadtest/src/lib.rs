//! What measures Causerie, and what proves its promises.
//!
//! - [`ledger`]: what happened, as clients, the AI server and the plan of faults
//!   wrote it down
//! - [`check`]: whether all promises were kept, read from a ledger alone
//! - [`chaos`]: an installation, the faults that strike it, and the report
//! - [`compare`]: rivals and floors, under the same load as Causerie
//! - [`load`]: many cheap clients, and what `causerie-loadtest` has them do
//! - [`person`]: a client that comes back whatever happens, and writes down
//! - [`circumstances`]: what a report says of the commit, the machine and the run
//! - [`remarks`]: what people write beneath a report

pub mod chaos;
pub mod check;
pub mod circumstances;
pub mod compare;
pub mod ledger;
pub mod load;
pub mod person;
pub mod remarks;
