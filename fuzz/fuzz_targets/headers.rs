//! See `causerie_fuzz::headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_fuzz::headers::run(input, &mut |_| {}));
