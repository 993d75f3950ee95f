//! Fuzzes `parsers::log_proof`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::log_proof(bytes));
