//! Fuzzes `parsers::gateway_http`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::gateway_http(bytes));
