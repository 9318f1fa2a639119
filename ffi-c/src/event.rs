//! `jm_event`: an event of core, flattened.

use std::ffi::{c_int, c_void};
use std::ptr;

use jitsimeet_core::{Completed, CompletionResult, Error, Event, Failure, Status};

use crate::connection::jm_connection;
use crate::constants::{JM_EVENT_COMPLETION, JM_OK, jm_status};
use crate::panic::contain;
use crate::strings::{Texts, jm_str};

/// What happened to a connection. Which fields mean something depends on `type`; all others are 0, NULL or absent.
///
/// The library makes events. One that is passed to a callback is borrowed, texts included, until the callback
/// returns; one that came from `jm_queue_next` belongs to the caller until `jm_event_free`. Fields may be added at the
/// end: use events through their pointers only, and never copy one as a struct.
#[repr(C)]
pub struct jm_event {
    /// `JM_EVENT_*`. New ones may be added: ignore one you do not know.
    pub r#type: i32,
    /// The connection, as `jm_connection_new` gave it. In queue mode it may have been freed since. NULL in the
    /// completion of a call that was given up because the connection was freed.
    pub connection: *mut jm_connection,
    /// The name of the event in lib-jitsi-meet, such as `connection.connectionEstablished`. Absent from
    /// `JM_EVENT_COMPLETION`.
    pub name: jm_str,
    /// Established: the resource of the JID.
    pub id: jm_str,
    /// Failed: `JM_ERROR_TYPE_*`. New ones may be added: treat one you do not know as `JM_ERROR_TYPE_OTHER_ERROR`.
    ///
    /// "Failed" is also a completion whose `status` is `JM_STATUS_CONNECTION_FAILED` or
    /// `JM_STATUS_CONFERENCE_REQUEST_FAILED`, here and below.
    pub error_type: i32,
    /// Failed: the name of `error_type` in lib-jitsi-meet, such as `connection.otherError`.
    pub error_type_name: jm_str,
    /// Failed and interrupted: `JM_CODE_*`, the finer cause. New ones may be added.
    pub code: i32,
    /// Failed and interrupted: the name of `code`, such as `refused`.
    pub code_name: jm_str,
    /// Failed and interrupted: what was tried, where, what came back, what to check. Disconnected: what the server said
    /// on closing, if anything. Completion: why the call failed, if it did.
    pub message: jm_str,
    /// Failed: 1 if trying again later may succeed without changing anything, else 0.
    pub transient: c_int,
    /// Failed: the JID that the attempt used, where one was known. Completion of `jm_connection_connect_async`: the JID
    /// that the server has bound.
    pub jid: jm_str,
    /// Failed: the condition of RFC 6120 that the server named, such as `host-unknown`.
    pub condition: jm_str,
    /// Failed: the HTTP status, where an HTTP answer was the cause.
    pub http_status: i32,
    /// Failed: the human-readable text that the server sent with its refusal.
    pub server_text: jm_str,
    /// Completion: the outcome of the call.
    pub status: jm_status,
    /// Completion: what was passed with the call.
    pub user_data: *mut c_void,
    /// Established: 1 if the session of before goes on, else 0.
    pub resumed: c_int,
    /// Established: 1 if it is a fresh session after a lost one, else 0.
    pub reconnected: c_int,
    /// Resumed: how many attempts it took.
    pub attempts: u32,
    /// Resumed: how many milliseconds the session was without a transport.
    pub downtime_ms: u64,
    /// Resumed: how many stanzas were sent again.
    pub resent: u64,
    /// Stanza received: the XML text as it came. Completion of `jm_connection_send_iq`: the answer.
    pub xml: jm_str,
    /// Stanza received: `iq`, `message` or `presence`.
    pub stanza_name: jm_str,
    /// Stanza received: who sent it; absent if it is the server, for this account.
    pub stanza_from: jm_str,
    /// Stanza received: whom it is for.
    pub stanza_to: jm_str,
    /// Stanza received: the attribute `type`.
    pub stanza_type: jm_str,
    /// Stanza received: the attribute `id`.
    pub stanza_id: jm_str,
    /// Redirected, and completion with `JM_STATUS_REDIRECTED`: the visitor node, by which the deployment finds the
    /// other server.
    pub vnode: jm_str,
    /// Redirected, and completion with `JM_STATUS_REDIRECTED`: the JID of the conference's focus there; empty if it was
    /// not told.
    pub focus_jid: jm_str,
    /// Properties updated: the shard that serves this client, where it is known.
    pub shard: jm_str,
    /// Properties updated: the region that the shard is in, where it is known.
    pub region: jm_str,
    /// Failed: 1 if the client was moved to another shard of the deployment, -1 if it was not, 0 if that is not known.
    pub shard_changed: c_int,
    /// Failed: how many milliseconds before the failure the server was heard last; -1 if that is not known.
    pub time_since_last_success_ms: i64,
    /// Completion of `jm_connection_ping`: how many milliseconds the answer took.
    pub round_trip_ms: f64,
    /// Completion of `jm_connection_send_conference_request`: the conference, as a JSON object.
    pub conference_json: jm_str,
}

impl jm_event {
    const EMPTY: Self = Self {
        r#type: 0,
        connection: ptr::null_mut(),
        name: jm_str::ABSENT,
        id: jm_str::ABSENT,
        error_type: 0,
        error_type_name: jm_str::ABSENT,
        code: 0,
        code_name: jm_str::ABSENT,
        message: jm_str::ABSENT,
        transient: 0,
        jid: jm_str::ABSENT,
        condition: jm_str::ABSENT,
        http_status: 0,
        server_text: jm_str::ABSENT,
        status: JM_OK,
        user_data: ptr::null_mut(),
        resumed: 0,
        reconnected: 0,
        attempts: 0,
        downtime_ms: 0,
        resent: 0,
        xml: jm_str::ABSENT,
        stanza_name: jm_str::ABSENT,
        stanza_from: jm_str::ABSENT,
        stanza_to: jm_str::ABSENT,
        stanza_type: jm_str::ABSENT,
        stanza_id: jm_str::ABSENT,
        vnode: jm_str::ABSENT,
        focus_jid: jm_str::ABSENT,
        shard: jm_str::ABSENT,
        region: jm_str::ABSENT,
        shard_changed: 0,
        time_since_last_success_ms: 0,
        round_trip_ms: 0.0,
        conference_json: jm_str::ABSENT,
    };
}

/// What C is told of the outcome of a call.
pub(crate) fn status(result: &CompletionResult) -> jm_status {
    result.as_ref().map_or_else(Error::status, |_| Status::Ok).as_i32()
}

/// An event with what its texts point to.
#[repr(C)]
pub(crate) struct OwnedEvent {
    /// First, so that a pointer to it is a pointer to the whole.
    public: jm_event,
    _texts: Texts,
}

// SAFETY: the pointers are into `_texts`, which moves along, and to things of the caller that this crate only passes on.
unsafe impl Send for OwnedEvent {}

impl OwnedEvent {
    pub(crate) fn new(connection: *mut jm_connection, event: &Event) -> Self {
        let kind = event.kind();
        let (name, public) =
            (Some(kind.as_str()), jm_event { r#type: kind.as_i32(), connection, ..jm_event::EMPTY });
        match event {
            Event::ConnectionEstablished { id, resumed, reconnected } => {
                let (texts, [name, id]) = Texts::new([name, Some(id)]);
                let (resumed, reconnected) = (c_int::from(*resumed), c_int::from(*reconnected));
                Self { public: jm_event { name, id, resumed, reconnected, ..public }, _texts: texts }
            }
            Event::ConnectionFailed(failure) => Self::failed(public, name, failure),
            Event::Redirected { vnode, focus_jid } => {
                let (texts, [name, vnode, focus_jid]) = Texts::new([name, Some(vnode), Some(focus_jid)]);
                Self { public: jm_event { name, vnode, focus_jid, ..public }, _texts: texts }
            }
            Event::PropertiesUpdated { shard, region } => {
                let (texts, [name, shard, region]) = Texts::new([name, shard.as_deref(), region.as_deref()]);
                Self { public: jm_event { name, shard, region, ..public }, _texts: texts }
            }
            Event::ConnectionDisconnected { message } => {
                let (texts, [name, message]) = Texts::new([name, message.as_deref()]);
                Self { public: jm_event { name, message, ..public }, _texts: texts }
            }
            Event::Interrupted { code, message } => {
                let (texts, [name, code_name, message]) =
                    Texts::new([name, Some(code.as_str()), Some(message)]);
                let code = code.as_i32();
                Self { public: jm_event { name, code, code_name, message, ..public }, _texts: texts }
            }
            Event::Resumed { attempts, downtime, resent } => {
                let (texts, [name]) = Texts::new([name]);
                let downtime_ms = u64::try_from(downtime.as_millis()).unwrap_or(u64::MAX);
                let (attempts, resent) = (*attempts, *resent as u64);
                Self { public: jm_event { name, attempts, downtime_ms, resent, ..public }, _texts: texts }
            }
            Event::StanzaReceived(stanza) => {
                let (texts, [name, xml, stanza_name, stanza_from, stanza_to, stanza_type, stanza_id]) =
                    Texts::new([
                        name,
                        Some(stanza.xml()),
                        Some(stanza.name()),
                        stanza.from(),
                        stanza.to(),
                        stanza.kind(),
                        stanza.id(),
                    ]);
                let public = jm_event {
                    name,
                    xml,
                    stanza_name,
                    stanza_from,
                    stanza_to,
                    stanza_type,
                    stanza_id,
                    ..public
                };
                Self { public, _texts: texts }
            }
            _ => {
                let (texts, [name]) = Texts::new([name]);
                Self { public: jm_event { name, ..public }, _texts: texts }
            }
        }
    }

    fn failed(public: jm_event, name: Option<&str>, failure: &Failure) -> Self {
        let (texts, [name, error_type_name, code_name, message, jid, condition, server_text]) = Texts::new([
            name,
            Some(failure.error_type.as_str()),
            Some(failure.code.as_str()),
            Some(&failure.message),
            failure.jid.as_deref(),
            failure.condition.as_deref(),
            failure.server_text.as_deref(),
        ]);
        let public = jm_event {
            name,
            error_type: failure.error_type.as_i32(),
            error_type_name,
            code: failure.code.as_i32(),
            code_name,
            message,
            transient: failure.transient.into(),
            jid,
            condition,
            http_status: failure.http_status.map_or(0, i32::from),
            server_text,
            shard_changed: failure.shard_changed.map_or(0, |changed| if changed { 1 } else { -1 }),
            time_since_last_success_ms: failure
                .time_since_last_success
                .map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
            ..public
        };
        Self { public, _texts: texts }
    }

    /// The end of an asynchronous call.
    pub(crate) fn completion(
        connection: *mut jm_connection,
        user_data: *mut c_void,
        result: &CompletionResult,
    ) -> Self {
        let (r#type, status) = (JM_EVENT_COMPLETION, status(result));
        let public = jm_event { r#type, connection, status, user_data, ..jm_event::EMPTY };
        match result {
            Ok(completed) => Self::completed(public, completed),
            Err(Error::ConnectionFailed(failure) | Error::ConferenceRequestFailed(failure)) => {
                Self::failed(public, None, failure)
            }
            Err(error) => {
                let (vnode, focus_jid) = match error {
                    Error::Redirected { vnode, focus_jid } => {
                        (Some(vnode.as_str()), Some(focus_jid.as_str()))
                    }
                    _ => (None, None),
                };
                let (texts, [message, vnode, focus_jid]) =
                    Texts::new([Some(&error.to_string()), vnode, focus_jid]);
                Self { public: jm_event { message, vnode, focus_jid, ..public }, _texts: texts }
            }
        }
    }

    fn completed(public: jm_event, completed: &Completed) -> Self {
        let (xml, conference) = match completed {
            Completed::Answer { xml } => (Some(xml.as_str()), None),
            Completed::Conference(conference) => {
                (None, Some(serde_json::to_string(conference).expect("texts under texts are JSON")))
            }
            _ => (None, None),
        };
        let round_trip_ms = match completed {
            Completed::Pong { round_trip } => round_trip.as_secs_f64() * 1e3,
            _ => 0.0,
        };
        let jid = match completed {
            Completed::Connected { jid } => Some(jid.as_str()),
            _ => None,
        };
        let (texts, [jid, xml, conference_json]) = Texts::new([jid, xml, conference.as_deref()]);
        Self { public: jm_event { jid, xml, conference_json, round_trip_ms, ..public }, _texts: texts }
    }

    pub(crate) const fn public(&self) -> &jm_event {
        &self.public
    }

    /// Hands the event over to C, which returns it to `jm_event_free`.
    pub(crate) fn give(self) -> *const jm_event {
        Box::into_raw(Box::new(self)).cast_const().cast()
    }
}

/// Frees an event that `jm_queue_next` gave. NULL is fine.
///
/// Any thread; legal inside a callback. Not for the events that callbacks are passed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_event_free(event: *const jm_event) {
    if !event.is_null() {
        // SAFETY: the caller returns what `give` has handed over, once; the event is the first field of the whole.
        contain(|| drop(unsafe { Box::from_raw(event.cast_mut().cast::<OwnedEvent>()) }));
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::time::Duration;

    use jitsimeet_core::{Code, ConnectOptions, EventHub, Item, JitsiConnection, Options};

    use super::*;

    fn text(text: jm_str) -> Option<String> {
        // SAFETY: the text is one of an event that lives.
        (!text.data.is_null()).then(|| unsafe { CStr::from_ptr(text.data) }.to_str().unwrap().to_owned())
    }

    /// Only core makes failures: that of an id without a password.
    fn failure() -> Failure {
        let (mut options, hub) = (Options::new(), EventHub::new(|| ()));
        options.set("serviceUrl", "ws://127.0.0.1:1/").unwrap();
        options.set("hosts.domain", "meet.example").unwrap();
        let connection = JitsiConnection::with_hub(&hub, None, None, &options).unwrap();
        let mut account = ConnectOptions::default();
        account.id = Some("user".to_owned());
        connection.start_connect(&account, None).unwrap();
        let mut failures = Vec::new();
        hub.drain(usize::MAX, |_, item| match item {
            Item::Event(Event::ConnectionFailed(failure)) => failures.push(*failure),
            other => panic!("{other:?}"),
        });
        failures.remove(0)
    }

    #[test]
    fn a_failure_says_what_is_not_known() {
        let mut failure = failure();
        let shown = |failure: &Failure| {
            let event = OwnedEvent::new(ptr::null_mut(), &Event::ConnectionFailed(Box::new(failure.clone())));
            let event = event.public();
            assert_eq!(event.code, Code::CredentialsIncomplete.as_i32());
            (event.shard_changed, event.time_since_last_success_ms)
        };
        assert_eq!(shown(&failure), (0, -1));
        failure.shard_changed = Some(false);
        failure.time_since_last_success = Some(Duration::ZERO);
        assert_eq!(shown(&failure), (-1, 0));
        failure.shard_changed = Some(true);
        failure.time_since_last_success = Some(Duration::MAX);
        assert_eq!(shown(&failure), (1, i64::MAX));
    }

    #[test]
    fn the_completion_of_a_failed_attempt_has_the_fields_of_its_event() {
        let failure = failure();
        let result = Err(Error::ConnectionFailed(Box::new(failure.clone())));
        let completion = OwnedEvent::completion(ptr::null_mut(), ptr::null_mut(), &result);
        let completion = completion.public();
        assert_eq!(completion.status, Status::ConnectionFailed.as_i32());
        assert_eq!(completion.code, failure.code.as_i32());
        assert_eq!(text(completion.message), Some(failure.message));
        assert_eq!(text(completion.name), None);
    }

    #[test]
    fn what_the_deployment_has_not_told_is_absent() {
        let event = Event::PropertiesUpdated { shard: None, region: Some("here".to_owned()) };
        let event = OwnedEvent::new(ptr::null_mut(), &event);
        let event = event.public();
        assert_eq!((text(event.shard), text(event.region)), (None, Some("here".to_owned())));
        assert_eq!(text(event.name).as_deref(), Some("connection.propertiesUpdated"));
    }
}
