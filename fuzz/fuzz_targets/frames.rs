//! See `causerie_fuzz::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_fuzz::frames::run(input, &mut |_| {}));
