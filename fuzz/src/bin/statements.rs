//! Fuzzes `parsers::statements`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::statements(bytes));
