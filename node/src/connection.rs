//! The handle of one connection.

use jitsimeet::{Error, EventHub, JitsiConnection, Options};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::delivery::number;
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
    pub fn connect(&self, env: &Env, call: Option<i64>) -> napi::Result<()> {
        self.connection.start_connect(call.map(i64::cast_unsigned)).map_err(|error| throw(env, &error))
    }

    /// Closes the connection; with a number, the end is delivered as that call's outcome.
    #[napi(catch_unwind)]
    pub fn disconnect(&self, call: Option<i64>) {
        self.connection.start_disconnect(call.map(i64::cast_unsigned));
    }

    /// The full JID, from the moment it is bound until the next attempt.
    #[napi(getter, catch_unwind)]
    pub fn jid(&self) -> Option<String> {
        self.connection.jid()
    }

    /// When the phases happened, in milliseconds of a clock that reads `now` at this moment.
    #[napi(catch_unwind, ts_return_type = "Record<string, number>")]
    pub fn times<'env>(&self, env: &'env Env, now: f64) -> napi::Result<Object<'env>> {
        let mut times = Object::new(env)?;
        for (milestone, at) in self.connection.connection_times().on_clock(now) {
            times.set(milestone.as_str(), at)?;
        }
        Ok(times)
    }
}
