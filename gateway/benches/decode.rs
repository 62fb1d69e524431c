//! What a client's frames cost to decode: `cargo bench -p causerie-gateway --bench decode`.
#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use causerie_gateway::websocket::codec::{Decoder, Message};
use causerie_testkit::client::raw::{frame, opcode};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Whole messages, each in one read: what most clients send most of the time.
fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole");
    let text = |len: usize| frame(true, opcode::TEXT, "x".repeat(len).as_bytes());
    let accents = frame(true, opcode::TEXT, "déjà vu ".repeat(30).as_bytes());
    for (name, wire) in [
        ("ping", frame(true, opcode::PING, b"")),
        ("64 B", text(64)),
        ("300 B", text(300)),
        ("300 B with accents", accents),
        ("16 KiB", text(16 << 10)),
        ("100 KiB", text(100 << 10)),
    ] {
        group.throughput(Throughput::Bytes(wire.len() as u64));
        let mut decoder = Decoder::new(MAX_MESSAGE_BYTES, false);
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode(&mut decoder, &wire).expect("a message"));
        });
    }
}

/// One message of 16 KiB, cut up by the client or by the network.
fn in_parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("16 KiB in parts");
    let payload = vec![b'x'; 16 << 10];
    group.throughput(Throughput::Bytes(payload.len() as u64));

    let mut fragments = frame(false, opcode::TEXT, b"");
    for part in payload.chunks(1 << 10) {
        fragments.extend(frame(false, opcode::CONTINUATION, part));
    }
    fragments.extend(frame(true, opcode::CONTINUATION, b""));
    let mut decoder = Decoder::new(MAX_MESSAGE_BYTES, false);
    group.bench_function("fragments of 1 KiB", |bencher| {
        bencher.iter(|| decode(&mut decoder, &fragments).expect("a message"));
    });

    let wire = frame(true, opcode::TEXT, &payload);
    group.bench_function("reads of 1 KiB", |bencher| {
        bencher.iter(|| {
            let reads = wire.chunks(1 << 10);
            let mut messages = reads.filter_map(|read| decode(&mut decoder, read));
            messages.next().expect("a message")
        });
    });
}

/// Takes all of `wire`, and gives its last message.
fn decode(decoder: &mut Decoder, wire: &[u8]) -> Option<Message> {
    let mut input = black_box(wire);
    let mut last = None;
    while !input.is_empty() {
        last = decoder.decode(&mut input).expect("nothing is wrong");
    }
    last
}

criterion_group!(benches, whole, in_parts);
criterion_main!(benches);
