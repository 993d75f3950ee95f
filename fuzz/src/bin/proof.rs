//! Fuzzes `parsers::proof`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::proof(bytes));
