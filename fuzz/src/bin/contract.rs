//! Fuzzes `parsers::contract`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::contract(bytes));
