//! Fuzzes `parsers::otlp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::otlp(bytes));
