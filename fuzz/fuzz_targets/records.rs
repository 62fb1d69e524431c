//! See `causerie_fuzz::records`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_fuzz::records::run(input, &mut |_| {}));
