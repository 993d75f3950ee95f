//! Fuzzes `parsers::tree`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::tree(bytes));
