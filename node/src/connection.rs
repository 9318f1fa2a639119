//! The handle of one connection.

use std::time::Duration;

use jitsimeet::{AttachOptions, ConnectOptions, Error, EventHub, JitsiConnection, Options};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::delivery::{json, number};
use crate::error::throw;

/// A connection. Its garbage collection closes it.
#[napi]
pub struct Connection {
    connection: JitsiConnection,
}

impl Connection {
    pub(crate) fn new(
        hub: &EventHub,
        app_id: Option<&str>,
        token: Option<&str>,
        options: &str,
    ) -> Result<Self, Error> {
        let options = Options::from_json(options)?;
        Ok(Self { connection: JitsiConnection::with_hub(hub, app_id, token, &options)? })
    }
}

#[napi]
impl Connection {
    /// The name of the connection in its hub.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> f64 {
        number(self.connection.id())
    }

    /// Starts an attempt; with a number, its outcome is delivered as that call's. Throws an `ErrorRecord`.
    #[napi(catch_unwind)]
    pub fn connect(
        &self,
        env: &Env,
        id: Option<String>,
        password: Option<String>,
        name: Option<String>,
        call: Option<i64>,
    ) -> napi::Result<()> {
        let mut options = ConnectOptions::default();
        options.id = id;
        options.password = password;
        options.name = name;
        self.connection
            .start_connect(&options, call.map(i64::cast_unsigned))
            .map_err(|error| throw(env, &error))
    }

    /// Goes on with a BOSH session. Throws an `ErrorRecord`.
    #[napi(catch_unwind)]
    pub fn attach(&self, env: &Env, jid: String, sid: String, rid: String) -> napi::Result<()> {
        self.connection
            .start_attach(&AttachOptions::new(jid, sid, rid), None)
            .map_err(|error| throw(env, &error))
    }

    /// Closes the connection. Throws an `ErrorRecord`; the end is delivered as the outcome of the call with this number.
    #[napi(catch_unwind)]
    pub fn disconnect(&self, env: &Env, call: i64) -> napi::Result<()> {
        self.connection.start_disconnect(Some(call.cast_unsigned())).map_err(|error| throw(env, &error))
    }

    /// Goes on with another token. Throws an `ErrorRecord`; what comes later is the outcome of the call.
    #[napi(catch_unwind)]
    pub fn refresh_token(&self, env: &Env, token: String, call: i64) -> napi::Result<()> {
        self.connection
            .start_refresh_token(&token, Some(call.cast_unsigned()))
            .map_err(|error| throw(env, &error))
    }

    /// Sends a stanza. Throws an `ErrorRecord`; what comes later is the outcome of the call.
    #[napi(catch_unwind)]
    pub fn send_stanza(&self, env: &Env, xml: String, call: i64) -> napi::Result<()> {
        self.connection
            .start_send_stanza(&xml, Some(call.cast_unsigned()))
            .map_err(|error| throw(env, &error))
    }

    /// Sends a request. Throws an `ErrorRecord`; the answer, or what comes instead, is the outcome of the call.
    #[napi(catch_unwind)]
    pub fn send_iq(&self, env: &Env, xml: String, timeout_ms: Option<u32>, call: i64) -> napi::Result<()> {
        let timeout = timeout_ms.map(|timeout| Duration::from_millis(timeout.into()));
        self.connection
            .start_send_iq(&xml, timeout, Some(call.cast_unsigned()))
            .map_err(|error| throw(env, &error))
    }

    /// Pings the server. Throws an `ErrorRecord`; how long it took, or what came instead, is the outcome of the call.
    #[napi(catch_unwind)]
    pub fn ping(&self, env: &Env, timeout_ms: Option<u32>, call: i64) -> napi::Result<()> {
        let timeout = timeout_ms.map(|timeout| Duration::from_millis(timeout.into()));
        self.connection.start_ping(timeout, Some(call.cast_unsigned())).map_err(|error| throw(env, &error))
    }

    /// Sends a conference request. Throws an `ErrorRecord`; what comes later is the outcome of the call.
    #[napi(catch_unwind)]
    pub fn send_conference_request(&self, env: &Env, room: String, call: i64) -> napi::Result<()> {
        self.connection
            .start_send_conference_request(&room, Some(call.cast_unsigned()))
            .map_err(|error| throw(env, &error))
    }

    /// Advertises a feature. Throws an `ErrorRecord`.
    #[napi(catch_unwind)]
    pub fn add_feature(&self, env: &Env, feature: String, submit: bool) -> napi::Result<()> {
        self.connection.add_feature(&feature, submit).map_err(|error| throw(env, &error))
    }

    /// No longer advertises a feature. Throws an `ErrorRecord`.
    #[napi(catch_unwind)]
    pub fn remove_feature(&self, env: &Env, feature: String, submit: bool) -> napi::Result<()> {
        self.connection.remove_feature(&feature, submit).map_err(|error| throw(env, &error))
    }

    /// Whether stanzas are delivered as events; at first they are not. Throws an `ErrorRecord`.
    #[napi(catch_unwind)]
    pub fn set_stanza_listening(&self, env: &Env, listening: bool) -> napi::Result<()> {
        self.connection.set_stanza_listening(listening).map_err(|error| throw(env, &error))
    }

    /// Counts an event that has been delivered as one that still waits, with so many bytes.
    #[napi(catch_unwind)]
    pub fn hold_event(&self, bytes: u32) {
        self.connection.hold_event(bytes as usize);
    }

    /// Undoes a `holdEvent`.
    #[napi(catch_unwind)]
    pub fn release_event(&self, bytes: u32) {
        self.connection.release_event(bytes as usize);
    }

    /// The full JID, from the moment it is bound until the next attempt.
    #[napi(getter, catch_unwind)]
    pub fn jid(&self) -> Option<String> {
        self.connection.jid()
    }

    /// The string of the state.
    #[napi(getter, catch_unwind)]
    pub fn state(&self) -> &'static str {
        self.connection.state().as_str()
    }

    /// What the connection has carried, as JSON.
    #[napi(catch_unwind)]
    pub fn statistics(&self) -> String {
        json(serde_json::to_string(&self.connection.statistics()))
    }

    /// The last frames, as JSON.
    #[napi(catch_unwind)]
    pub fn logs(&self) -> String {
        json(serde_json::to_string(&self.connection.logs()))
    }

    /// What the deployment has told of itself, as JSON.
    #[napi(catch_unwind)]
    pub fn properties(&self) -> String {
        json(serde_json::to_string(&self.connection.properties()))
    }

    /// The STUN and TURN servers, as JSON.
    #[napi(catch_unwind)]
    pub fn ice_servers(&self) -> String {
        json(serde_json::to_string(&self.connection.ice_servers()))
    }

    /// When the phases happened, in milliseconds of a clock that reads `now` at this moment; and `round_trips`.
    #[napi(catch_unwind, ts_return_type = "Record<string, number>")]
    pub fn times<'env>(&self, env: &'env Env, now: f64) -> napi::Result<Object<'env>> {
        let mut times = Object::new(env)?;
        let reached = self.connection.connection_times();
        for (milestone, at) in reached.on_clock(now) {
            times.set(milestone.as_str(), at)?;
        }
        if let Some(round_trips) = reached.round_trips() {
            times.set("round_trips", round_trips)?;
        }
        Ok(times)
    }
}
