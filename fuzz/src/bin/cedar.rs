//! Fuzzes `parsers::cedar`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::cedar(bytes));
