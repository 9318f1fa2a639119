#![no_main]
//! A frame, through every reader, with expat's verdict as oracle.

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(ours) = jitsimeet::fuzzing::frame(data) {
        assert_eq!(ours, jitsimeet_fuzz::expat_takes(data), "ours, and expat's");
    }
});
