//! See `causerie_fuzz::names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_fuzz::names::run(input, &mut |_| {}));
