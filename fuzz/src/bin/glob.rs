//! Fuzzes `parsers::glob`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::glob(bytes));
