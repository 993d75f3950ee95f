//! Fuzzes `parsers::text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::text(bytes));
