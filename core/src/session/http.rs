//! Requests over HTTP, as the session asks for them.

use std::fmt;

use url::Url;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpPurpose {
    KeepAlive,
    Conference(u64),
}

/// A request. It is not followed to another place.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HttpRequest {
    pub url: Url,
    /// POST this JSON; without one it is a GET, and the body of its answer is not read.
    pub json: Option<String>,
    /// For `Authorization: Bearer`.
    pub token: Option<String>,
}

/// An answer, of whatever status.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub status: u16,
    /// `x-jitsi-shard`.
    pub shard: Option<String>,
    pub body: String,
}

impl HttpRequest {
    pub(super) const fn get(url: Url) -> Self {
        Self { url, json: None, token: None }
    }
}

/// Without the query and the token.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("path", &self.url.path()).finish_non_exhaustive()
    }
}

/// Without the body, which may hold the id of a session.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}
