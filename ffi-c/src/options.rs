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
/// | key                               | default           | meaning                                               |
/// |-----------------------------------|-------------------|-------------------------------------------------------|
/// | `serviceUrl`                      | required          | `ws:` or `wss:` URL of the XMPP WebSocket             |
/// | `hosts.domain`                    | required          | the XMPP domain                                       |
/// | `hosts.anonymousdomain`           | none              | the guests' domain, used when there is no token       |
/// | `hosts.muc`                       | `conference.` ... | the component of rooms                                |
/// | `hosts.focus`                     | `focus.` ...      | whom the conference request goes to as an IQ          |
/// | `name`                            | none              | the room, if `jm_connection_connect` is given none    |
/// | `enableWebsocketResume`           | true              | stream management (XEP-0198) with resume              |
/// | `xmppPing.interval`               | 10000             | ms of silence before a ping (XEP-0199); 0 for none    |
/// | `xmppPing.timeout`                | 5000              | ms that a ping may go unanswered, at least            |
/// | `xmppPing.threshold`              | 2                 | unanswered pings in a row that make a link dead       |
/// | `loginTimeout`                    | 15000             | ms from the open WebSocket to the session             |
/// | `disconnectTimeout`               | 2000              | ms that the server has to close its side              |
/// | `iqTimeout`                       | 15000             | ms that a request waits for its answer                |
/// | `httpTimeout`                     | 10000             | ms for a keep-alive or conference request over HTTP   |
/// | `websocketKeepAlive`              | 60000             | ms between keep-alives, up to 60000 more; -1: none    |
/// | `websocketKeepAliveUrl`           | `serviceUrl`      | where they go, as GET                                 |
/// | `conferenceRequestUrl`            | none              | conference requests go there, before connecting       |
/// | `disableFocus`                    | false             | no conference request before connecting               |
/// | `focusUserJid`                    | none              | the JID of the focus user, for rooms                  |
/// | `preferVisitor`                   | false             | in the conference request                             |
/// | `iAmRecorder`                     | false             | in the conference request: not redirected             |
/// | `iAmSipGateway`                   | false             | in the conference request: not redirected             |
/// | `startAudioMuted`                 | none              | in the conference request, as given                   |
/// | `startVideoMuted`                 | none              | in the conference request, as given                   |
/// | `analytics.rtcstatsEnabled`       | false             | in the conference request                             |
/// | `deploymentInfo.shard`            | none              | the shard, until the deployment says so itself        |
/// | `deploymentInfo.region`           | none              | the region, until the deployment says so itself       |
/// | `testing.enableGracefulReconnect` | false             | gives a changed shard an error type of its own        |
/// | `mediaFeatures`                   | false             | advertise what a client that handles media does       |
/// | `flags.ssrcRewritingEnabled`      | false             | one more of these features                            |
/// | `p2pStunServers`                  | none              | list of `{urls, username?, credential?}`              |
/// | `p2p.stunServers`                 | none              | more of them                                          |
/// | `logs.maxEntries`                 | 500               | frames that `jm_connection_logs_json` shows           |
/// | `logs.maxBytes`                   | 65536             | the same in bytes                                     |
/// | `transport.connectTimeout`        | 15000             | ms from the name look-up to the open WebSocket        |
/// | `transport.maxStanzaBytes`        | 10485760          | a larger frame from the server ends the session       |
/// | `transport.pipelining`            | `auto`            | `off`: wait for the server at each step of a login    |
/// | `transport.headers`               | none              | headers for the upgrade and for requests over HTTP    |
/// | `transport.proxy`                 | of environment    | URL of an HTTP proxy; empty: none                     |
/// | `sasl.mechanisms`                 | all               | list of the mechanisms that may be used               |
/// | `sasl.allowPlainWithoutTls`       | false             | show the password to a server without TLS             |
/// | `resume.attemptTimeout`           | 10000             | ms for each attempt to resume                         |
/// | `resume.maxElapsed`               | the server's      | ms after which resuming is given up                   |
/// | `resume.minDelay`                 | 0                 | ms before an attempt, at least                        |
/// | `resume.maxDelay`                 | 10000             | ms before an attempt, at most                         |
/// | `reconnect`                       | off               | an object: a fresh session after a transient failure  |
/// | `reconnect.maxAttempts`           | no bound          | attempts in a row                                     |
/// | `reconnect.baseDelay`             | 1000              | ms at most before the second attempt; they double     |
/// | `reconnect.maxDelay`              | 30000             | ms before an attempt, at most                         |
/// | `sendQueue.maxStanzas`            | 1000              | unsent and unacknowledged; more are refused           |
/// | `sendQueue.maxBytes`              | 4194304           | the same in bytes                                     |
/// | `eventQueue.maxEvents`            | 10000             | stanzas that wait; then the server is not read        |
/// | `eventQueue.maxBytes`             | 16777216          | the same in bytes                                     |
/// | `eventQueue.stallTimeout`         | 30000             | ms without progress after which the session ends      |
/// | `tls.caCertificates`              | platform roots    | PEM text of the only authorities, or a list of them   |
/// | `tls.serverName`                  | host of the URL   | the name that the server's certificate must be for    |
/// | `tls.clientCertificate`           | none              | PEM text of our own certificate, with its chain       |
/// | `tls.clientKey`                   | none              | PEM text of its key                                   |
/// | `tls.insecureSkipVerify`          | false             | take every certificate: for tests alone               |
/// | `workerThreads`                   | 2                 | for `jm_init`: threads that serve all connections     |
/// | `logLevel`                        | `info`            | for `jm_init`: `off`, `error`, `warn` ... `trace`     |
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
///
/// Any thread, one at a time; legal inside a callback.
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
/// As `jm_options_set_string`: any thread, one at a time; legal inside a callback.
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
/// As `jm_options_set_string`: any thread, one at a time; legal inside a callback.
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
/// `JM_STATUS_INVALID_ARGUMENT` if it is not JSON; else as `jm_options_set_string`. Any thread, one at a time; legal
/// inside a callback.
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
