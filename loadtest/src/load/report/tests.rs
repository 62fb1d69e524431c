use std::collections::BTreeMap;

use super::*;
use crate::load::comparison::Comparison;
use crate::load::distribution::{Distribution, Latency};
use crate::load::results::{Counts, Measure, Second, Span, Stretch};
use crate::load::sample::{Busy, Process, Redis, RedisUse, Role, Samples, Use};

/// A run of half a minute, with something of everything.
fn results() -> Results {
    let mut delivery = Latency::default();
    let mut seconds = BTreeMap::new();
    for second in 0..30_u64 {
        let mut noted = Distribution::default();
        for number in 1..=100 {
            noted.note(number * number * (10_000 + second * 400));
        }
        if second >= 5 {
            delivery.take(1_000 + second, &noted).unwrap();
        }
        let of = Second {
            connections: second.min(5) * 200,
            deliveries: if second < 5 {
                0
            } else {
                5_000 + second % 7 * 100
            },
            ..Second::default()
        };
        seconds.insert(1_000 + second, of);
    }
    let process = |name: &str, role, cores: f64| {
        let sample = |second: u64| Use {
            at: 1_000_000 + second * 1_000,
            cpu_seconds: second as f64 * cores,
            rss_bytes: (20 << 20) + second * 100_000,
            threads: 6,
            open_files: 1_000 + second,
        };
        Process {
            name: name.to_owned(),
            role,
            samples: (0..30).map(sample).collect(),
        }
    };
    let redis = |second: u64| RedisUse {
        at: 1_000_000 + second * 1_000,
        commands: second * 700,
        ..RedisUse::default()
    };
    let busy = |second: u64| Busy {
        at: 1_000_000 + second * 1_000,
        cpu_seconds: second as f64 * 1.9,
        stolen_seconds: 0.0,
    };
    Results {
        scenario: "fanout".to_owned(),
        subject: "Causerie <main>".to_owned(),
        parameters: BTreeMap::from([("rate".to_owned(), "50".to_owned())]),
        processes: 1,
        connecting: Some(Span {
            from: 1_000_000,
            until: 1_005_000,
        }),
        stretch: Stretch {
            from: 1_005_000,
            until: 1_030_000,
            deliveries: 125_000,
        },
        counts: Counts {
            connections: 1_000,
            expected: 125_000,
            delivered: 125_000,
            ..Counts::default()
        },
        latencies: BTreeMap::from([(Measure::Delivery, delivery)]),
        seconds,
        samples: Samples {
            processes: vec![
                process("gateway-1", Role::Server, 0.25),
                process("redis", Role::Storage, 0.1),
                process("clients", Role::Clients, 0.9),
            ],
            redis: vec![Redis {
                name: "redis".to_owned(),
                samples: (0..30).map(redis).collect(),
            }],
            machines: vec![(0..30).map(busy).collect()],
        },
        comparisons: vec![Comparison {
            figure: "deliveries a second".to_owned(),
            against: "bare send".to_owned(),
            pairs: vec![[5_000.0, 2_500.0], [6_000.0, 2_000.0], [4_000.0, 1_000.0]],
        }],
        ..Results::default()
    }
}

#[test]
fn a_report_shows_what_was_found() {
    let page = html(&results());
    for wanted in [
        "fanout of Causerie &lt;main&gt;",
        "class=well>Nothing was lost",
        // 0.25 cores for 25 s and 125,000 deliveries, but for the last second of it,
        // in which nobody looked.
        "<td>CPU of the servers per delivery, µs</td><td>48.0</td>",
        "<td>connections a second</td><td>200</td>",
        "<td>Delivery</td><td>",
        "<td>5,000</td><td>2,000</td><td>bare send</td><td>3.00</td><td>2.00</td><td>4.00</td><td>3</td>",
        "<td>gateway-1</td><td>servers</td>",
        "<figcaption>Deliveries<span class=unit>a second",
        "<figcaption>Connections",
        "<figcaption>Delivery<span class=unit>ms",
        "<figcaption>How long it took",
        "<figcaption>Processor time",
        "<figcaption>Resident memory",
        "<figcaption>Redis: commands",
        "whole machine",
        "<td>rate</td><td>50</td>",
        "prefers-color-scheme:dark",
    ] {
        assert!(page.contains(wanted), "{wanted} is missing in {page}");
    }
    for foreign in ["src=", "href=", "url(", "<script", "NaN"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_document_shows_the_same_plots() {
    let picture = picture(&results()).unwrap();
    for wanted in [
        "<svg xmlns='http://www.w3.org/2000/svg'",
        ">Delivery <tspan class='unit'>ms</tspan>",
        ">Resident memory <tspan",
        ">gateway-1</text>",
        "prefers-color-scheme:dark",
    ] {
        assert!(picture.contains(wanted), "{wanted} is missing in {picture}");
    }
    let plots = html(&results()).matches("<svg").count();
    assert_eq!(picture.matches("class='title'").count(), plots);
    let text = markdown(&results(), Some("rooms.svg"));
    assert!(text.contains("![Plots over time](rooms.svg)"), "{text}");
}

#[test]
fn what_went_wrong_comes_first() {
    let mut results = results();
    results.counts.delivered -= 1_234;
    results
        .counts
        .errors
        .insert("closed with 4008".to_owned(), 2);
    let page = html(&results);
    let expected = "class=ill>Not all went well. lost: 1,234; closed with 4008: 2.";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn a_run_without_anything_has_a_report() {
    let page = html(&Results::default());
    assert!(!page.contains("<svg") && !page.contains("NaN"), "{page}");
    assert_eq!(picture(&Results::default()), None);
    assert!(!markdown(&Results::default(), None).contains("!["));
}

#[test]
fn a_terminal_is_told_the_same() {
    let text = text(&results());
    for wanted in [
        "fanout of Causerie <main>",
        "Nothing was lost",
        "  milliseconds  ",
        "p99.9",
        "deliveries a second   ",
        "gateway-1  servers   0.240 ",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in {text}");
    }
}
