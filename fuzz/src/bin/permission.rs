//! Fuzzes `parsers::permission`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::permission(bytes));
