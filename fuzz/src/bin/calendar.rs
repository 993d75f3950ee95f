//! Fuzzes `parsers::calendar`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::calendar(bytes));
