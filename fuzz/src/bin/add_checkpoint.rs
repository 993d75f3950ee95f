//! Fuzzes `parsers::add_checkpoint`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::add_checkpoint(bytes));
