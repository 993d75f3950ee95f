//! Fuzzes `parsers::cosignature`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::cosignature(bytes));
