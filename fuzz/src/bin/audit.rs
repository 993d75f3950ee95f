//! Fuzzes `parsers::audit`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::audit(bytes));
