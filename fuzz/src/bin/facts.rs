//! Fuzzes `parsers::facts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::facts(bytes));
