#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsimeet_c::fuzzing::abi(data));
