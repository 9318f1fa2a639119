//! Errors and failures as plain objects, from which JavaScript makes its error classes.

use jitsimeet::{Error, Failure};
use napi::{Env, Status};
use napi_derive::napi;

use crate::delivery::milliseconds;

/// What a call fails with.
#[napi(object, object_from_js = false, use_nullable = false)]
pub struct ErrorRecord {
    /// The status's string.
    pub status: &'static str,
    /// Of a failed connection the code's string, else the status's.
    pub code: &'static str,
    /// A sentence a person can act on.
    pub message: String,
    /// Of an unusable option: its key.
    pub key: Option<String>,
    /// Of a failed connection or conference request: why.
    pub failure: Option<FailureRecord>,
    /// Of a conference that has moved: the visitor node.
    pub vnode: Option<String>,
    /// Of a conference that has moved: the JID of its focus there.
    pub focus_jid: Option<String>,
}

impl From<&Error> for ErrorRecord {
    fn from(error: &Error) -> Self {
        let status = error.status().as_str();
        let failed = |failure: &Failure| Some(failure.clone().into());
        let plain = Self {
            status,
            code: status,
            message: error.to_string(),
            key: None,
            failure: None,
            vnode: None,
            focus_jid: None,
        };
        match error {
            Error::InvalidOption { key, .. } => Self { key: Some(key.clone()), ..plain },
            // The type and the code have fields of their own.
            Error::ConnectionFailed(failure) => {
                let code = failure.code.as_str();
                Self { code, message: failure.message.clone(), failure: failed(failure), ..plain }
            }
            Error::ConferenceRequestFailed(failure) => {
                Self { message: failure.message.clone(), failure: failed(failure), ..plain }
            }
            Error::Redirected { vnode, focus_jid } => {
                Self { vnode: Some(vnode.clone()), focus_jid: Some(focus_jid.clone()), ..plain }
            }
            _ => plain,
        }
    }
}

/// Why a connection or a conference request failed.
#[napi(object, object_from_js = false, use_nullable = false)]
pub struct FailureRecord {
    /// The error type's string.
    pub error_type: &'static str,
    /// The code's string.
    pub code: &'static str,
    /// A sentence a person can act on.
    pub message: String,
    /// Whether trying again later may succeed.
    pub transient: bool,
    /// The JID that the attempt used.
    pub jid: Option<String>,
    /// The condition that the server named.
    pub condition: Option<String>,
    /// The HTTP status that was the cause.
    pub http_status: Option<u16>,
    /// What the server said.
    pub server_text: Option<String>,
    /// Whether the client was moved to another shard.
    pub shard_changed: Option<bool>,
    /// How long before the failure the server was heard last, in milliseconds.
    pub time_since_last_success: Option<f64>,
}

impl From<Failure> for FailureRecord {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.error_type.as_str(),
            code: failure.code.as_str(),
            message: failure.message,
            transient: failure.transient,
            jid: failure.jid,
            condition: failure.condition,
            http_status: failure.http_status,
            server_text: failure.server_text,
            shard_changed: failure.shard_changed,
            time_since_last_success: failure.time_since_last_success.map(milliseconds),
        }
    }
}

/// Throws the `ErrorRecord` of an error. The call returns what this returns.
pub(crate) fn throw(env: &Env, error: &Error) -> napi::Error {
    match env.throw(ErrorRecord::from(error)) {
        // Tells napi that JavaScript has the exception already.
        Ok(()) => napi::Error::from_status(Status::PendingException),
        Err(error) => error,
    }
}
