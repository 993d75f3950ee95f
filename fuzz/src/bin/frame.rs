//! Fuzzes `parsers::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::frame(bytes));
