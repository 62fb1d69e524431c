//! The manifests of `deploy/kubernetes`: built, held to Kubernetes' schema and to our policies,
//! and run as far as that goes without a cluster. Each program gets what a container has: the
//! command, environment, files, user, network address and read-only root that the manifests state.
//!
//! Only in the sandbox that `./test kubernetes` makes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod build;
mod pod;
mod policies;
mod rollout;
mod schema;
mod starting;
mod talker;
// What a client sees, and that nothing of it is missing.
#[allow(dead_code)]
#[path = "../cluster/kit/view.rs"]
mod view;
