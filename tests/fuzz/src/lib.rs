//! expat, whose verdict on a frame is to be ours.

use std::ffi::{CString, c_char, c_int, c_void};

/// What stands between a namespace and a name in expat's names: no document holds it.
const SEPARATOR: c_char = 1;
const STATUS_OK: c_int = 1;

#[link(name = "expat")]
unsafe extern "C" {
    fn XML_ParserCreateNS(encoding: *const c_char, separator: c_char) -> *mut c_void;
    fn XML_Parse(parser: *mut c_void, text: *const c_char, length: c_int, is_final: c_int) -> c_int;
    fn XML_ParserFree(parser: *mut c_void);
}

/// Whether expat, with namespaces, takes a document.
///
/// # Panics
/// If there is no memory for a parser.
#[must_use]
pub fn expat_takes(document: &[u8]) -> bool {
    let encoding = CString::from(c"UTF-8");
    let length = c_int::try_from(document.len()).expect("a fuzzer's documents are short");
    // SAFETY: the texts live as long as the parser, which is used by nobody else and freed once.
    unsafe {
        let parser = XML_ParserCreateNS(encoding.as_ptr(), SEPARATOR);
        assert!(!parser.is_null());
        let status = XML_Parse(parser, document.as_ptr().cast(), length, 1);
        XML_ParserFree(parser);
        status == STATUS_OK
    }
}
