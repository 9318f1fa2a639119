//! Text and other values that cross the border, in both directions.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use jitsimeet_core::Status;

use crate::error::{Error, Result};
use crate::panic::contain;

/// A piece of UTF-8 text that the library lends: `len` bytes at `data`, followed by a NUL that `len` does not count.
/// `data` is NULL, and `len` 0, when there is no such text.
///
/// It lives as long as the object that holds it; each type says how long that is.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct jm_str {
    /// The first byte, or NULL.
    pub data: *const c_char,
    /// The number of bytes before the terminating NUL.
    pub len: usize,
}

impl jm_str {
    pub(crate) const ABSENT: Self = Self { data: ptr::null(), len: 0 };
}

/// Several texts in one allocation, for as long as their `jm_str`s are used.
pub(crate) struct Texts {
    bytes: Vec<u8>,
}

impl Texts {
    pub(crate) fn new<const N: usize>(texts: [Option<&str>; N]) -> (Self, [jm_str; N]) {
        let size = texts.iter().flatten().map(|text| text.len() + 1).sum();
        let mut bytes = Vec::with_capacity(size);
        let places = texts.map(|text| {
            text.map(|text| {
                let place = bytes.len();
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(0);
                (place, text.len())
            })
        });
        // The bytes neither grow nor move from here on.
        let texts = Self { bytes };
        let lent = places.map(|place| {
            place.map_or(jm_str::ABSENT, |(place, len)| jm_str {
                data: texts.bytes[place..].as_ptr().cast(),
                len,
            })
        });
        (texts, lent)
    }
}

/// Reads a text that must be there.
///
/// # Safety
/// `pointer` is NULL or a NUL-terminated string that stays as it is during `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, argument: &str) -> Result<&'a str> {
    // SAFETY: as the caller promises.
    unsafe { optional_text(pointer, argument) }?.ok_or_else(|| Error::null(argument))
}

/// Reads a text that may be NULL.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(pointer: *const c_char, argument: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so a NUL-terminated string, as the caller promises.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    utf8(bytes, argument).map(Some)
}

/// Reads a text of a given length.
///
/// # Safety
/// `pointer` is NULL or the start of `len` bytes that stay as they are during `'a`.
pub(crate) unsafe fn sized_text<'a>(pointer: *const c_char, len: usize, argument: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(Error::null(argument));
    }
    if isize::try_from(len).is_err() {
        return Err(Error::invalid_argument(format!("`{argument}`: no text is {len} bytes long")));
    }
    // SAFETY: not NULL, so the start of `len` bytes, as the caller promises; the length has just been checked.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) };
    utf8(bytes, argument)
}

fn utf8<'a>(bytes: &'a [u8], argument: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|error| Error::new(Status::InvalidUtf8, format!("`{argument}` is not UTF-8: {error}")))
}

/// Where a call puts a result.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `pointer` is NULL or a place that a `T` can be written to, initialised or not, until this is dropped.
    pub(crate) unsafe fn new(pointer: *mut T, argument: &str) -> Result<Self> {
        if pointer.is_null() { Err(Error::null(argument)) } else { Ok(Self(pointer)) }
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: `new` was promised a place for a `T` and has refused NULL.
        unsafe { self.0.write(value) };
    }
}

/// Hands a text over to C, which returns it to `jm_string_free`.
pub(crate) fn give(text: String) -> Result<*mut c_char> {
    let text = CString::new(text).map_err(|_| Error::internal("a text of the library has a NUL inside"))?;
    Ok(text.into_raw())
}

/// Frees a text that the library gave. NULL is fine.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_string_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: the caller returns what `give` has handed over, once.
        contain(|| drop(unsafe { CString::from_raw(string) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_texts_are_terminated_and_the_absent_is_null() {
        let (_texts, [a, absent, empty]) = Texts::new([Some("grüß"), None, Some("")]);
        // SAFETY: both point to NUL-terminated bytes that `_texts` keeps.
        let read = unsafe { [CStr::from_ptr(a.data), CStr::from_ptr(empty.data)] };
        assert_eq!(
            (read, a.len, empty.len),
            (["grüß", ""].map(|s| CString::new(s).unwrap()).each_ref().map(|s| s.as_c_str()), 6, 0)
        );
        assert!(absent.data.is_null() && absent.len == 0);
    }
}
