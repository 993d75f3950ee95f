//! Fuzzes `parsers::trace_filter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::trace_filter(bytes));
