//! See `causerie_fuzz::tokens`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_fuzz::tokens::run(input, &mut |_| {}));
