//! What is said in a dialect is heard, on one node and over Redis; and compared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod talk;

use causerie_loadtest::compare::contender::Contender;
use talk::{COMPARED, compare, talk};

#[tokio::test]
async fn the_floor_is_spoken_to() {
    talk(Contender::Floor, 1).await;
}

#[tokio::test]
async fn the_floor_is_spoken_to_over_redis() {
    talk(Contender::Floor, 2).await;
}

#[tokio::test]
async fn causerie_is_spoken_to() {
    talk(Contender::Causerie, 1).await;
}

#[tokio::test]
async fn causerie_is_spoken_to_over_redis() {
    talk(Contender::Causerie, 2).await;
}

#[test]
fn a_short_comparison_writes_its_report() {
    compare("floor,causerie", "in-flight", COMPARED);
}

#[test]
fn what_is_compressed_is_measured() {
    let measured_once = "| Causerie, compressed | 1 |";
    compare("causerie,compressed", "deflate", measured_once);
}
