//! Fuzzes `parsers::gateway_stdio`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::gateway_stdio(bytes));
