//! Fuzzes `parsers::id_tokens`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::id_tokens(bytes));
