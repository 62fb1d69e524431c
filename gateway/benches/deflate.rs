//! What compression costs and saves: `cargo bench -p causerie-gateway --bench deflate`.
//! It names the size that each level leaves, from which the level is chosen.
#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::hint::black_box;

use causerie_gateway::websocket::codec::{Decoder, Message, encode};
use causerie_testkit::client::raw;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::{Compress, Compression, FlushCompress};

/// Frames as they travel: a short event, an answer, a long one.
fn frames() -> [(&'static str, String); 4] {
    [
        ("delta", delta(12)),
        ("300 B", message(90)),
        ("2 KiB", message(1_700)),
        ("16 KiB", message(16_000)),
    ]
}

fn delta(index: usize) -> String {
    format!(
        r#"{{"ts":1693234567890,"type":"message_delta","room":"project:p1","data":{{"message_id":"3f-01890a5d-ac96-774b-bcce-b302099a8057","session_id":"01890a5d-ac96-774b-bcce-b302099a8058","attempt":1,"index":{index},"text":" in the end"}}}}"#
    )
}

fn message(len: usize) -> String {
    format!(
        r#"{{"seq":42,"epoch":"k3f9a2bd","ts":1693234567890,"type":"message","room":"project:p1","data":{{"message_id":"3f-01890a5d-ac96-774b-bcce-b302099a8057","session_id":"01890a5d-ac96-774b-bcce-b302099a8058","in_reply_to":"3f-01890a5d-ac96-774b-bcce-b302099a8056","role":"assistant","content":"{}","sources":[],"finish_reason":"stop","metadata":{{"response_time":1840,"model_used":"llama3.2","token_count":312,"prompt_tokens":80,"time_to_first_token":210,"attempt":1}}}}}}"#,
        prose(len)
    )
}

/// English without an end: words of a vocabulary, the frequent ones first, by a
/// generator that is the same each time.
fn prose(len: usize) -> String {
    const WORDS: &str = "the of and to in is you that it he was for on are with as they be at one \
        have this from or had by hot but some what there we can out other were all your when up \
        use word how said an each she which do their time if will way about many then them would \
        write like so these her long make thing see him two has look more day could go come did \
        my sound no most number who over know water than call first people may down side been \
        now find any new work part take get place made live where after back little only round \
        man year came show every good me give our under name very through just form much great \
        think say help low line before turn cause same mean differ move right boy old too does \
        tell sentence set three want air well also play small end put home read hand port large";
    let words: Vec<_> = WORDS.split_whitespace().collect();
    let (mut text, mut state) = (String::new(), 1_u64);
    while text.len() < len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let roll = (state >> 33) as usize % (words.len() * words.len());
        let word = words.get(roll.isqrt()).expect("within");
        write!(text, "{word} ").expect("a string takes all");
    }
    text.truncate(len);
    text
}

/// What goes out, as the gateway deflates it.
fn out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("out");
    for (name, frame) in frames() {
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(BenchmarkId::new("plain", name), |bencher| {
            bencher.iter(|| encode::text(black_box(frame.as_bytes())));
        });
        group.bench_function(BenchmarkId::new("deflated", name), |bencher| {
            bencher.iter(|| encode::deflated(black_box(frame.as_bytes())));
        });
    }
}

/// The same at each level.
fn levels(criterion: &mut Criterion) {
    for level in [1, 2, 3, 4, 6, 9] {
        let mut group = criterion.benchmark_group(format!("level {level}"));
        let mut stream = Compress::new(Compression::new(level), false);
        for (name, frame) in frames() {
            let mut deflated = Vec::with_capacity(frame.len() + 100);
            let mut deflate = || {
                stream.reset();
                deflated.clear();
                stream
                    .compress_vec(
                        black_box(frame.as_bytes()),
                        &mut deflated,
                        FlushCompress::Sync,
                    )
                    .expect("any bytes can be compressed");
                deflated.len()
            };
            let percent = deflate() * 100 / frame.len();
            let name = format!("{name}: {percent} % are left");
            group.bench_function(name, |bencher| bencher.iter(&mut deflate));
        }
    }
}

/// What comes in compressed.
fn r#in(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("in");
    for (name, frame) in frames() {
        let Some(wire) = encode::deflated(frame.as_bytes()) else {
            continue;
        };
        let header = if wire.len() < 128 { 2 } else { 4 };
        let (_, payload) = wire.split_at(header);
        let mut wire = raw::frame(true, raw::opcode::TEXT, payload);
        // RSV1: the message is compressed.
        *wire.first_mut().expect("a frame") |= 0x40;
        let mut decoder = Decoder::new(1 << 20, true);
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let message = decoder.decode(&mut black_box(&*wire));
                assert!(matches!(message, Ok(Some(Message::Text(_)))));
            });
        });
    }
}

criterion_group!(benches, out, levels, r#in);
criterion_main!(benches);
