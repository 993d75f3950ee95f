//! Fuzzes `parsers::leaf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::leaf(bytes));
