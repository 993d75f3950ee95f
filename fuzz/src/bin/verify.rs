//! Fuzzes `parsers::verify`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::verify(bytes));
