//! Fuzzes `parsers::receipts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::receipts(bytes));
