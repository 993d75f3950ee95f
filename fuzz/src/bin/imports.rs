//! Fuzzes `parsers::imports`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::imports(bytes));
