//! Fuzzes `parsers::lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::lines(bytes));
