//! See `causerie_fuzz::messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_fuzz::messages::run(input, &mut |_| {}));
