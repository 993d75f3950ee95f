//! Fuzzes `parsers::feast`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::feast(bytes));
