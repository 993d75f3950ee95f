//! Fuzzes `parsers::lineage`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::lineage(bytes));
