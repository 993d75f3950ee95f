//! Fuzzes `parsers::model_signatures`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::model_signatures(bytes));
