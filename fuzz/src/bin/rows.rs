//! Fuzzes `parsers::rows`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::rows(bytes));
