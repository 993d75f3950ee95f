//! Fuzzes `parsers::trials`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::trials(bytes));
