//! What a connection tells of itself when it is asked.

use std::ffi::c_char;
use std::fmt::Write;
use std::ptr;

use jitsimeet_core::JitsiConnection;

use super::jm_connection;
use crate::constants::{JM_OK, JM_STATE_IDLE, jm_status};
use crate::error::Error;
use crate::panic::guard;
use crate::strings::{Out, give};

/// Where the connection stands: `JM_STATE_*`, or, being negative, why it cannot be told: `JM_STATUS_INVALID_ARGUMENT`
/// if `connection` is NULL. New states may be added.
///
/// It is the state of this moment: events that tell of it may still be on their way. Any thread; legal inside a
/// callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_state(connection: *const jm_connection) -> i32 {
    let mut state = JM_STATE_IDLE;
    let status = guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        state = unsafe { jm_connection::borrow(connection) }?.core()?.state().as_i32();
        Ok(())
    });
    if status == JM_OK { state } else { status }
}

/// The number by which `jm_log_record` names the connection. It is never 0 and never used again in the process; 0 if
/// `connection` is NULL.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_id(connection: *const jm_connection) -> u64 {
    // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
    unsafe { connection.as_ref() }.map_or(0, |connection| connection.id)
}

/// The full JID that the server has bound, to be freed with `jm_string_free`. NULL while there is none: from the first
/// moment, and from each `jm_connection_connect`, until the server has bound one.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_jid(
    connection: *const jm_connection,
    out_jid: *mut *mut c_char,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
        let (connection, out) =
            unsafe { (jm_connection::borrow(connection)?, Out::new(out_jid, "out_jid")?) };
        out.write(connection.core()?.jid().map_or(Ok(ptr::null_mut()), give)?);
        Ok(())
    })
}

/// Gives the caller a JSON text that is made of core's connection.
///
/// # Safety
/// `connection` is NULL or a connection that is not freed during the call, and `out_json` NULL or a place for the text.
unsafe fn give_json(
    connection: *const jm_connection,
    out_json: *mut *mut c_char,
    make: impl FnOnce(&JitsiConnection) -> serde_json::Result<String>,
) -> jm_status {
    guard(|| {
        // SAFETY: as the caller promises.
        let (connection, out) =
            unsafe { (jm_connection::borrow(connection)?, Out::new(out_json, "out_json")?) };
        let json = make(&connection.core()?);
        let json = json.map_err(|error| Error::internal(format!("cannot be told as JSON: {error}")))?;
        out.write(give(json)?);
        Ok(())
    })
}

/// When the phases of the connection happened: a JSON object of milliseconds of `CLOCK_MONOTONIC`, to be freed with
/// `jm_string_free`. What has not happened is left out.
///
/// The keys are lib-jitsi-meet's statuses (`connecting`, `authenticating`, `connected`, `disconnecting`,
/// `disconnected`, `authfail`, `connfail`; the last time of each) and the phases of the last attempt (`dns`, `tcp`,
/// `tls`, `upgrade`, `authenticated`, `bound`, `resumed`). `round_trips` is a count: what the last login or resumption
/// took, from TCP on.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_times_json(
    connection: *const jm_connection,
    out_json: *mut *mut c_char,
) -> jm_status {
    // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
    unsafe { give_json(connection, out_json, |core| Ok(times_json(core))) }
}

fn times_json(core: &JitsiConnection) -> String {
    let times = core.connection_times();
    let mut json = String::from("{");
    for (milestone, at) in times.on_clock(monotonic_ms()) {
        let comma = if json.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(json, "{comma}\"{milestone}\":{at:.3}");
    }
    if let Some(round_trips) = times.round_trips() {
        let _ = write!(json, ",\"round_trips\":{round_trips}");
    }
    json.push('}');
    json
}

fn monotonic_ms() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// What the connection has carried since it was made, over all its attempts: a JSON object of whole numbers, to be
/// freed with `jm_string_free`.
///
/// `bytesSent`, `bytesReceived`, `framesSent` and `framesReceived` count XMPP, without the framing of WebSocket and
/// TLS, and `stanzasSent` and `stanzasReceived` the stanzas among the frames; `resumes` and `reconnects` count recoveries. `unacknowledged` is how many stanzas wait for the server (what
/// `sendQueue` bounds), and `queuedEvents` how many events and completions wait for the caller. Keys may be added.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_statistics_json(
    connection: *const jm_connection,
    out_json: *mut *mut c_char,
) -> jm_status {
    // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
    unsafe { give_json(connection, out_json, |core| serde_json::to_string(&core.statistics())) }
}

/// The last frames of the connection, as many as the option `logs` keeps: a JSON object in the shape of
/// lib-jitsi-meet's `getLogs()`, to be freed with `jm_string_free`:
///
/// `{"metadata": {"time": ..., "url": ..., "ua": ..., "xmpp": [[1767225600000, "incoming", "<a/>"], ...]}}`
///
/// A frame has its time in milliseconds since 1970, `incoming` or `outgoing`, and its text, in which `***` stands for
/// every secret. The URL is without user information and query. What people write to each other is in the frames: mind
/// who sees them.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_logs_json(
    connection: *const jm_connection,
    out_json: *mut *mut c_char,
) -> jm_status {
    // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
    unsafe { give_json(connection, out_json, |core| serde_json::to_string(&core.logs())) }
}

/// What the deployment has told of itself: a JSON object, to be freed with `jm_string_free`.
///
/// `shard`, `region` and `release` are texts and left out while they are not known; until the deployment tells them,
/// shard and region are those of the option `deploymentInfo`. `components` is an object of addresses by the kind of the
/// component, such as `lobbyrooms`, and `features` a list of texts (XEP-0030). Keys may be added.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_properties_json(
    connection: *const jm_connection,
    out_json: *mut *mut c_char,
) -> jm_status {
    // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
    unsafe { give_json(connection, out_json, |core| serde_json::to_string(&core.properties())) }
}

/// The STUN and TURN servers, those of the options `p2pStunServers` and `p2p.stunServers` before those that the server
/// has named (XEP-0215): a JSON list, to be freed with `jm_string_free`. Expired ones are left out.
///
/// Each is an object in the form that WebRTC takes: `urls` is a list, `username` and `credential` are there where the
/// server wants them, and `expires`, where it is known, is in milliseconds since 1970. It holds secrets.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_ice_servers_json(
    connection: *const jm_connection,
    out_json: *mut *mut c_char,
) -> jm_status {
    // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
    unsafe { give_json(connection, out_json, |core| serde_json::to_string(&core.ice_servers())) }
}
