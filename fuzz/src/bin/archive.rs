//! Fuzzes `parsers::archive`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::archive(bytes));
