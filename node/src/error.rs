//! Errors and failures as plain objects, from which JavaScript makes its error classes.

use jitsimeet::{Error, Failure};
use napi::{Env, Status};
use napi_derive::napi;

/// What a call fails with.
#[napi(object, object_from_js = false, use_nullable = false)]
pub struct ErrorRecord {
    /// The status's string.
    pub status: &'static str,
    /// A sentence a person can act on.
    pub message: String,
    /// Of an unusable option: its key.
    pub key: Option<String>,
    /// Of a failed connection: why.
    pub failure: Option<FailureRecord>,
}

impl From<&Error> for ErrorRecord {
    fn from(error: &Error) -> Self {
        let status = error.status().as_str();
        let (key, failure) = match error {
            Error::InvalidOption { key, .. } => (Some(key.clone()), None),
            Error::ConnectionFailed(failure) => (None, Some((**failure).clone().into())),
            _ => (None, None),
        };
        let message = match error {
            // The type and the code have fields of their own.
            Error::ConnectionFailed(failure) => failure.message.clone(),
            error => error.to_string(),
        };
        Self { status, message, key, failure }
    }
}

/// Why a connection failed.
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
