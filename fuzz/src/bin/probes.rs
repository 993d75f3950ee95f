//! Fuzzes `parsers::probes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::probes(bytes));
