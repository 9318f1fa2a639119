//! What a connection is asked to do.

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

use jitsimeet_core::{AttachOptions, ConnectOptions, JitsiConnection};

use super::{Consumer, jm_connection};
use crate::constants::jm_status;
use crate::error::{Error, Result};
use crate::listeners::{Done, Pending, UserData, jm_answer_fn, jm_completion_fn, jm_done_fn, new_token};
use crate::panic::guard;
use crate::strings::{optional_text, sized_text, text};
use crate::{library, lock};

impl jm_connection {
    /// Starts a call whose end is told to `done`, or to the queue.
    fn start(
        &self,
        done: Done,
        user_data: *mut c_void,
        call: impl FnOnce(&JitsiConnection, Option<u64>) -> Result<()>,
    ) -> Result<()> {
        let queued = matches!(self.consumer, Consumer::Queue(_));
        if queued && done.is_some() {
            let problem = "`done` must be NULL for a connection that was made for a queue";
            return Err(Error::invalid_argument(problem));
        }
        let core = self.core()?;
        let token = (queued || done.is_some()).then(new_token);
        if let Some(token) = token {
            let pending = Pending { done, user_data: UserData(user_data) };
            lock(&self.state).pending.insert(token, pending);
        }
        let started = call(&core, token);
        if let (Err(_), Some(token)) = (&started, token) {
            // It was refused by the call itself, so nobody is told a second time.
            lock(&self.state).pending.remove(&token);
        }
        started
    }
}

/// A negative number of milliseconds stands for the option `iqTimeout`.
fn patience(timeout_ms: i32) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

/// Starts to connect, and returns at once. The texts are copied.
///
/// `id` and `password` are those of an account: a JID, or a user name of `hosts.domain`, and a full JID asks for its
/// resource. Both are NULL for a guest, or for the bearer of a token. `name` is the room that the connection is for,
/// its name alone; NULL stands for the option `name`. It goes into the query of the service URL, and with the option
/// `conferenceRequestUrl` the attempt begins with the conference request for it.
///
/// The outcome comes as an event: `JM_EVENT_CONNECTION_ESTABLISHED`, `JM_EVENT_CONNECTION_FAILED`,
/// `JM_EVENT_REDIRECTED`, or `JM_EVENT_CONNECTION_DISCONNECTED` if `jm_connection_disconnect` or `jm_shutdown` is
/// called first.
///
/// `JM_STATUS_INVALID_STATE` unless the connection is idle, and while `jm_shutdown` is under way;
/// `JM_STATUS_INVALID_ARGUMENT` if `name` cannot be the name of a room. There is no event then. Any thread; legal inside a
/// callback: a listener may connect again after a failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_connect(
    connection: *mut jm_connection,
    id: *const c_char,
    password: *const c_char,
    name: *const c_char,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and strings that live during the call, or NULL.
        let (connection, options) =
            unsafe { (jm_connection::borrow(connection)?, connect_options(id, password, name)?) };
        let core = connection.core()?;
        library::unless_shutting_down(|| Ok(core.start_connect(&options, None)?))
    })
}

/// Starts to connect as `jm_connection_connect` does, and tells the caller how it ended: behind the event, and once,
/// even where lost sessions are set up anew.
///
/// `done` and `user_data` as for `jm_connection_ping`. The completion has the `status`, and with it:
///
/// - `JM_OK`: in `jid` the full JID that the server has bound;
/// - `JM_STATUS_CONNECTION_FAILED`: why, in the fields of `JM_EVENT_CONNECTION_FAILED`;
/// - `JM_STATUS_REDIRECTED`: `vnode` and `focus_jid`;
/// - `JM_STATUS_ABORTED` if `jm_connection_disconnect` or `jm_shutdown` is called, or the connection freed, first.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_connect_async(
    connection: *mut jm_connection,
    id: *const c_char,
    password: *const c_char,
    name: *const c_char,
    done: jm_completion_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and strings that live during the call, or NULL.
        let (connection, options) =
            unsafe { (jm_connection::borrow(connection)?, connect_options(id, password, name)?) };
        connection.start(Done::Completion(done), user_data, |core, call| {
            library::unless_shutting_down(|| Ok(core.start_connect(&options, call)?))
        })
    })
}

/// # Safety
/// The strings are NULL or NUL-terminated, during the call.
unsafe fn connect_options(
    id: *const c_char,
    password: *const c_char,
    name: *const c_char,
) -> Result<ConnectOptions> {
    // SAFETY: as the caller promises.
    let texts = unsafe {
        [optional_text(id, "id")?, optional_text(password, "password")?, optional_text(name, "name")?]
    };
    let mut options = ConnectOptions::default();
    [options.id, options.password, options.name] = texts.map(|text| text.map(ToOwned::to_owned));
    Ok(options)
}

/// Starts to go on with a BOSH session that someone else has set up and bound, and returns at once. The texts are
/// copied; whoever has them has the session.
///
/// `jid` is the full JID that is bound, `sid` the name of the session, and `rid` the number of the last request that
/// was made in it, as decimal text: the next has the one after. The session is established once the server has answered
/// in it, and closed by `jm_connection_disconnect` as any other. If it is lost, the option `reconnect` does not replace
/// it.
///
/// The outcome comes as an event, as that of `jm_connection_connect`; `condition` is `item-not-found` if the server does
/// not know the session.
///
/// `JM_STATUS_UNSUPPORTED_TRANSPORT` unless `serviceUrl` begins with `http:` or `https:`; `JM_STATUS_INVALID_ARGUMENT`
/// if one of the texts cannot be what it is for, which `jm_last_error` names; `JM_STATUS_INVALID_STATE` as for
/// `jm_connection_connect`. There is no event then.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_attach(
    connection: *mut jm_connection,
    jid: *const c_char,
    sid: *const c_char,
    rid: *const c_char,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and strings that live during the call.
        let (connection, jid, sid, rid) = unsafe {
            (jm_connection::borrow(connection)?, text(jid, "jid")?, text(sid, "sid")?, text(rid, "rid")?)
        };
        let core = connection.core()?;
        let options = AttachOptions::new(jid, sid, rid);
        library::unless_shutting_down(|| Ok(core.start_attach(&options, None)?))
    })
}

/// Starts to close the connection in an orderly way, or gives up the attempt under way, and returns at once.
/// `JM_EVENT_CONNECTION_DISCONNECTED` follows; of an idle connection it does not.
///
/// `done`, which may be NULL, is called with `user_data` exactly once if this returns `JM_OK`, and never otherwise:
/// after the event, on the dispatcher thread, with `JM_OK`; or with `JM_STATUS_ABORTED` if the connection is freed
/// first. In queue mode `done` must be NULL, and `JM_EVENT_COMPLETION` follows with `user_data`.
///
/// Any thread; legal in every state and inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_disconnect(
    connection: *mut jm_connection,
    done: jm_done_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        unsafe { jm_connection::borrow(connection) }?
            .start(Done::Plain(done), user_data, |core, call| Ok(core.start_disconnect(call)?))
    })
}

/// Goes on with another token, which is copied: at once where there is a session, from the next attempt on where there
/// is none.
///
/// A session that can be resumed is resumed with the new token on a new transport; if the server refuses the token, the
/// session goes on as before and the status is `JM_STATUS_CONNECTION_FAILED`; in queue mode the completion has the
/// failure in full. Without stream management the login is made afresh. `done` and `user_data` as for
/// `jm_connection_disconnect`. `JM_STATUS_INVALID_STATE` while disconnecting.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_refresh_token(
    connection: *mut jm_connection,
    token: *const c_char,
    done: jm_done_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and a string that lives during the call, or NULL.
        let (connection, token) = unsafe { (jm_connection::borrow(connection)?, text(token, "token")?) };
        connection.start(
            Done::Plain(done),
            user_data,
            |core, call| Ok(core.start_refresh_token(token, call)?),
        )
    })
}

/// Sends a stanza: a `message`, a `presence` or an `iq`, as `len` bytes of XML in UTF-8, which are copied. A missing
/// namespace is `jabber:client`.
///
/// `done` and `user_data` as for `jm_connection_disconnect`; `JM_OK` means that the server has acknowledged the stanza,
/// or, without stream management, that it was written. Otherwise `JM_STATUS_NOT_CONNECTED`,
/// `JM_STATUS_SEND_QUEUE_FULL`, or `JM_STATUS_SESSION_LOST`. `JM_STATUS_INVALID_STANZA` comes from the call itself.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_send_stanza(
    connection: *mut jm_connection,
    xml: *const c_char,
    len: usize,
    done: jm_done_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and bytes that live during the call, or NULL.
        let (connection, xml) = unsafe { (jm_connection::borrow(connection)?, sized_text(xml, len, "xml")?) };
        connection.start(Done::Plain(done), user_data, |core, call| Ok(core.start_send_stanza(xml, call)?))
    })
}

/// Sends an IQ request, as `len` bytes of XML in UTF-8, which are copied. A missing id is made up.
///
/// `done` is called as for `jm_connection_send_stanza`, with the answer, which is of type `result` or `error`; in queue
/// mode the answer is the `xml` of `JM_EVENT_COMPLETION`. `JM_STATUS_TIMEOUT` if none came within `timeout_ms`
/// milliseconds; a negative number stands for the option `iqTimeout`.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_send_iq(
    connection: *mut jm_connection,
    xml: *const c_char,
    len: usize,
    timeout_ms: i32,
    done: jm_answer_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and bytes that live during the call, or NULL.
        let (connection, xml) = unsafe { (jm_connection::borrow(connection)?, sized_text(xml, len, "xml")?) };
        connection.start(Done::Answer(done), user_data, |core, call| {
            Ok(core.start_send_iq(xml, patience(timeout_ms), call)?)
        })
    })
}

/// Asks the server whether it is there (XEP-0199). An error is an answer too.
///
/// `done`, which may be NULL, is called with `user_data` exactly once if this returns `JM_OK`, and never otherwise, on
/// the dispatcher thread; in queue mode it must be NULL, and `JM_EVENT_COMPLETION` follows. The completion has the
/// `status`, and with `JM_OK` in `round_trip_ms` how long the answer took. `JM_STATUS_TIMEOUT` if none came within
/// `timeout_ms` milliseconds, a negative number standing for the option `iqTimeout`; `JM_STATUS_NOT_CONNECTED`,
/// `JM_STATUS_SEND_QUEUE_FULL`, `JM_STATUS_SESSION_LOST`, or `JM_STATUS_ABORTED` if the connection is freed first.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_ping(
    connection: *mut jm_connection,
    timeout_ms: i32,
    done: jm_completion_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        unsafe { jm_connection::borrow(connection) }?.start(
            Done::Completion(done),
            user_data,
            |core, call| Ok(core.start_ping(patience(timeout_ms), call)?),
        )
    })
}

/// Asks the focus to be in a room, so that it can be joined: over HTTP with the option `conferenceRequestUrl`, else as
/// an IQ to `hosts.focus`. `room` is the name of the room alone, and is copied. While the conference is not ready the
/// request is repeated, after 1 s, 2 s, 4 s and so on up to 2 minutes, until the connection is closed.
///
/// `done` and `user_data` as for `jm_connection_ping`. The completion has the `status`, and with it:
///
/// - `JM_OK`: in `conference_json` a JSON object with `properties` (texts by their names) and, where the focus has
///   named them, `focusJid`, `identity` and `vnode`;
/// - `JM_STATUS_REDIRECTED`, which follows `JM_EVENT_REDIRECTED`: `vnode` and `focus_jid`;
/// - `JM_STATUS_CONFERENCE_REQUEST_FAILED`: why, in the fields of `JM_EVENT_CONNECTION_FAILED`. The session goes on;
/// - `JM_STATUS_NOT_CONNECTED`, `JM_STATUS_SEND_QUEUE_FULL`, `JM_STATUS_SESSION_LOST`, or `JM_STATUS_ABORTED` if the
///   connection is freed first.
///
/// `JM_STATUS_INVALID_ARGUMENT` comes from the call itself, if `room` cannot be the name of one.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_send_conference_request(
    connection: *mut jm_connection,
    room: *const c_char,
    done: jm_completion_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and a string that lives during the call, or NULL.
        let (connection, room) = unsafe { (jm_connection::borrow(connection)?, text(room, "room")?) };
        connection.start(Done::Completion(done), user_data, |core, call| {
            Ok(core.start_send_conference_request(room, call)?)
        })
    })
}

/// Advertises a feature: answers to disco#info name it (XEP-0030). It is copied, and may be added in any state.
///
/// `submit` other than 0 tells every room that this connection has joined at once; with 0 they hear of it with the next
/// presence. (There are no rooms yet.) `JM_STATUS_INVALID_ARGUMENT` if `feature` is empty or holds control characters.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_add_feature(
    connection: *mut jm_connection,
    feature: *const c_char,
    submit: c_int,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and a string that lives during the call, or NULL.
        let (connection, feature) =
            unsafe { (jm_connection::borrow(connection)?, text(feature, "feature")?) };
        Ok(connection.core()?.add_feature(feature, submit != 0)?)
    })
}

/// No longer advertises a feature, be it one that was added or one of the library's own. One that is not advertised is
/// ignored.
///
/// Any thread; legal inside a callback. Otherwise as `jm_connection_add_feature`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_remove_feature(
    connection: *mut jm_connection,
    feature: *const c_char,
    submit: c_int,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and a string that lives during the call, or NULL.
        let (connection, feature) =
            unsafe { (jm_connection::borrow(connection)?, text(feature, "feature")?) };
        Ok(connection.core()?.remove_feature(feature, submit != 0)?)
    })
}
