//! Fuzzes `parsers::splice`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::splice(bytes));
