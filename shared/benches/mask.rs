//! What it costs to look for personal data in a log line: `cargo bench -p
//! causerie-shared --bench mask`.
#![allow(missing_docs)]

use std::hint::black_box;

use causerie_shared::telemetry::mask;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Lines as programs write them, without anything to mask and with.
const LINES: [(&str, &str); 4] = [
    (
        "connected",
        r#"{"timestamp":"2026-11-22T03:35:37.123456Z","level":"INFO","message":"connected","connection":"01890a5d-ac96-774b-bcce-b302099a8057","tenant":"acme","transport":"websocket","target":"causerie_gateway::events::clients","node":"gw-1-4711-k3f9a2bd","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}"#,
    ),
    (
        "stored",
        r#"{"timestamp":"2026-11-22T03:35:37.123456Z","level":"DEBUG","message":"a message was stored","room":"acme:project:p1","is_to_ai":true,"target":"causerie_gateway::events::clients","span":{"tenant":"acme","message":"3f-01890a5d-ac96-774b-bcce-b302099a8057","name":"question"},"node":"gw-1"}"#,
    ),
    (
        "pretty",
        "\u{1b}[2m2026-11-22T03:35:37.123456Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m \u{1b}[2mcauserie_gateway::events::clients\u{1b}[0m\u{1b}[2m:\u{1b}[0m connected \u{1b}[3mconnection\u{1b}[0m\u{1b}[2m=\u{1b}[0m01890a5d-ac96-774b-bcce-b302099a8057 \u{1b}[3mtenant\u{1b}[0m\u{1b}[2m=\u{1b}[0macme",
    ),
    (
        "masked",
        r#"{"timestamp":"2026-11-22T03:35:37.123456Z","level":"WARN","message":"no answer from anna@example.org","peer":"203.0.113.77:52100","url":"wss://acme.example/ws?token=eyJhbGciOiJIUzI1NiJ9.e30.c2ln","target":"causerie_gateway","node":"gw-1"}"#,
    ),
];

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask");
    for (name, line) in LINES {
        group.throughput(Throughput::Bytes(line.len() as u64));
        let id = BenchmarkId::new(name, format!("{} B", line.len()));
        group.bench_function(id, |bencher| bencher.iter(|| mask(black_box(line)).len()));
    }
    group.finish();
}

criterion_group!(benches, lines);
criterion_main!(benches);
