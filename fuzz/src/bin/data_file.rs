//! Fuzzes `parsers::data_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::data_file(bytes));
