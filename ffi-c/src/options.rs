//! `jm_options`: a handle around core's options, which check every path and every value.

use std::ffi::{c_char, c_int};

use jitsimeet_core::Options;

use crate::constants::jm_status;
use crate::error::{Error, Result};
use crate::panic::{contain, guard};
use crate::strings::{sized_text, text};

/// The options of `jm_init` and of a connection, under lib-jitsi-meet's keys. Each reads the keys that concern it, so
/// that one set serves both, and copies what it reads: the set may be changed or freed at once.
///
/// | key                        | default        | meaning                                                       |
/// |----------------------------|----------------|---------------------------------------------------------------|
/// | `serviceUrl`               | required       | `ws:` or `wss:` URL of the XMPP WebSocket; its query is kept  |
/// | `hosts.domain`             | required       | the XMPP domain                                               |
/// | `hosts.anonymousdomain`    | none           | the guests' domain, used when there is no token               |
/// | `loginTimeout`             | 15000          | ms from the open WebSocket to the established session         |
/// | `disconnectTimeout`        | 2000           | ms that disconnecting waits for the server to close its side  |
/// | `transport.connectTimeout` | 15000          | ms from the name look-up to the open WebSocket                |
/// | `transport.maxStanzaBytes` | 10485760       | a larger frame from the server ends the session               |
/// | `tls.caCertificates`       | platform roots | PEM text of the only authorities to trust, or a list of them  |
/// | `workerThreads`            | 2              | for `jm_init`: threads that serve all connections             |
///
/// Use one set from one thread at a time.
pub struct jm_options {
    inner: Options,
}

/// # Safety
/// `options` is NULL or a set that is neither freed nor used elsewhere during `'a`.
pub(crate) unsafe fn read<'a>(options: *const jm_options) -> Option<&'a Options> {
    // SAFETY: as the caller promises.
    unsafe { options.as_ref() }.map(|options| &options.inner)
}

/// # Safety
/// As [`read`].
unsafe fn edit<'a>(options: *mut jm_options) -> Result<&'a mut Options> {
    // SAFETY: as the caller promises.
    let options = unsafe { options.as_mut() }.ok_or_else(|| Error::null("options"))?;
    Ok(&mut options.inner)
}

/// Makes an empty set of options, to be freed with `jm_options_free`. NULL is never returned.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn jm_options_new() -> *mut jm_options {
    Box::into_raw(Box::new(jm_options { inner: Options::new() }))
}

/// Frees a set of options. NULL is fine.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_options_free(options: *mut jm_options) {
    if !options.is_null() {
        // SAFETY: the caller returns what `jm_options_new` made, once.
        contain(|| drop(unsafe { Box::from_raw(options) }));
    }
}

/// Sets an option that is a text, such as `serviceUrl` or `hosts.domain`.
///
/// `key` and `value` are NUL-terminated UTF-8, read during the call. `JM_STATUS_INVALID_OPTION` if the key is not
/// known or does not take a text: `jm_last_error` names the key, and nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_options_set_string(
    options: *mut jm_options,
    key: *const c_char,
    value: *const c_char,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes its own set and NUL-terminated strings, or NULL.
        let (options, key, value) = unsafe { (edit(options)?, text(key, "key")?, text(value, "value")?) };
        Ok(options.set(key, value)?)
    })
}

/// Sets an option that is a whole number, such as `loginTimeout`. Durations are milliseconds.
///
/// As `jm_options_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_options_set_int(
    options: *mut jm_options,
    key: *const c_char,
    value: i64,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes its own set and a NUL-terminated string, or NULL.
        let (options, key) = unsafe { (edit(options)?, text(key, "key")?) };
        Ok(options.set(key, value)?)
    })
}

/// Sets an option that is true (not 0) or false (0).
///
/// As `jm_options_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_options_set_bool(
    options: *mut jm_options,
    key: *const c_char,
    value: c_int,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes its own set and a NUL-terminated string, or NULL.
        let (options, key) = unsafe { (edit(options)?, text(key, "key")?) };
        Ok(options.set(key, value != 0)?)
    })
}

/// Sets an option to a value in JSON, for those that are lists or objects. `null` removes what was set.
///
/// `json` is `len` bytes of UTF-8, read during the call; it need not be NUL-terminated. With the empty key the value
/// is an object that is merged into the options, such as a whole `config.js` object: its keys replace those that
/// are set, and those that are not known are kept and ignored.
///
/// `JM_STATUS_INVALID_ARGUMENT` if it is not JSON; else as `jm_options_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_options_set_json(
    options: *mut jm_options,
    key: *const c_char,
    json: *const c_char,
    len: usize,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes its own set, a NUL-terminated string and `len` bytes, or NULL.
        let (options, key, json) =
            unsafe { (edit(options)?, text(key, "key")?, sized_text(json, len, "json")?) };
        Ok(options.set_json(key, json)?)
    })
}
