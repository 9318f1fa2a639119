//! The conference request: what Jicofo answers, over HTTP and over XMPP, as a script says.

pub(crate) mod http;
pub(crate) mod iq;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};

use crate::Shared;

/// The address that conference requests over XMPP go to.
pub(crate) const FOCUS: &str = "focus.meet.example";
/// Who the focus is, as it tells unless a script says otherwise.
pub(crate) const FOCUS_USER: &str = "focus@auth.meet.example";
/// The longest request. What is remembered of a thousand of them must fit into memory.
pub(crate) const LONGEST: usize = 64 * 1024;

/// The error that HTTP answers with 403.
const NOT_AUTHORIZED: &str = "not-authorized";
/// The error that is no defined condition, but Jicofo's own.
const SESSION_INVALID: &str = "session-invalid";

/// The answer to a conference request. The default is that the conference is ready.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConferenceAnswer {
    /// Whether the focus is in the room.
    pub ready: bool,
    /// Who the focus is; left out if `None`.
    pub focus_jid: Option<String>,
    /// The visitor node to go to.
    pub vnode: Option<String>,
    /// The identity that the user has logged in with.
    pub identity: Option<String>,
    /// The session to come back with.
    pub session_id: Option<String>,
    /// The properties of the answer.
    pub properties: BTreeMap<String, String>,
    /// An error in place of the answer: `not-authorized`, `session-invalid`, or any other defined condition.
    pub error: Option<String>,
    /// A refusal of the reservation system in place of the answer.
    pub reservation: Option<Reservation>,
    /// What to answer over HTTP, in place of all above.
    pub http: Option<HttpAnswer>,
    /// Answer nothing.
    pub silent: bool,
    /// Who answers over XMPP, in place of who was asked.
    pub from: Option<String>,
    /// Answer twice over XMPP.
    pub twice: bool,
    /// How many milliseconds to wait before the answer.
    pub delay: u64,
}

impl Default for ConferenceAnswer {
    fn default() -> Self {
        Self {
            ready: true,
            focus_jid: Some(FOCUS_USER.to_owned()),
            vnode: None,
            identity: None,
            session_id: None,
            properties: [("authentication".to_owned(), "false".to_owned())].into(),
            error: None,
            reservation: None,
            http: None,
            silent: false,
            from: None,
            twice: false,
            delay: 0,
        }
    }
}

/// A refusal of the reservation system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// Its code.
    pub code: u16,
    /// What it says.
    pub text: String,
}

/// An answer of HTTP, right or wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpAnswer {
    /// The status; 302 with a location and 200 without, if not given.
    pub status: Option<u16>,
    /// The body.
    pub body: String,
    /// Where to go instead.
    pub location: Option<String>,
    /// Answer nothing.
    pub hang: bool,
    /// Answer with a body that never ends.
    pub endless: bool,
}

/// A conference request that the server has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConferenceRequest {
    /// How it came.
    pub over: Over,
    /// The room.
    pub room: String,
    /// The machine of the user.
    pub machine_uid: Option<String>,
    /// The token: an attribute over XMPP, the bearer over HTTP.
    pub token: Option<String>,
    /// The session to come back to.
    pub session_id: Option<String>,
    /// The properties.
    pub properties: BTreeMap<String, String>,
}

/// How a conference request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Over {
    /// In the body of a POST.
    Http,
    /// In a stanza.
    Iq,
}

impl ConferenceAnswer {
    /// The conference is ready here, which it is with the focus in the room.
    const fn brings_focus(&self) -> bool {
        let refused = self.error.is_some() || self.reservation.is_some() || self.http.is_some();
        self.ready && !refused && self.vnode.is_none() && !self.silent
    }

    const fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}

impl Shared {
    /// Remembers a request, and takes what the script says to it: the next answer, or the last again.
    fn script(&self, request: ConferenceRequest) -> ConferenceAnswer {
        let mut state = self.state();
        let answer = match state.conference.len() {
            0 | 1 => state.conference.front().cloned(),
            _ => state.conference.pop_front(),
        };
        drop(state);
        let answer = answer.unwrap_or_default();
        if answer.brings_focus() {
            self.in_rooms(|rooms, out| rooms.request_focus(&request.room, Utc::now(), out));
        }
        self.conference_requests.add(request);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DOMAIN;

    #[test]
    fn the_focus_is_in_our_domain() {
        assert_eq!(FOCUS, format!("focus.{DOMAIN}"));
        assert_eq!(FOCUS_USER, format!("focus@auth.{DOMAIN}"));
    }

    #[test]
    fn what_a_script_leaves_out_is_as_in_the_default() {
        let read = |json| serde_json::from_str::<ConferenceAnswer>(json).unwrap();
        assert_eq!(read("{}"), ConferenceAnswer::default());
        assert_eq!(read(r#"{"focus_jid": null}"#).focus_jid, None);
        assert!(serde_json::from_str::<ConferenceAnswer>(r#"{"redy": true}"#).is_err());
    }
}
