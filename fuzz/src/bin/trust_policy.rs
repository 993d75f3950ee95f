//! Fuzzes `parsers::trust_policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::trust_policy(bytes));
