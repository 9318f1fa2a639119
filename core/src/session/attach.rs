//! Going on with a session that someone else has set up and bound (XEP-0124's prebinding): lib-jitsi-meet's `attach`.

use std::time::Instant;

use super::login::{Login, Purpose, Step, is_answer};
use super::{Link, Session};
use crate::frame::Frame;
use crate::xml::{Element, XmlError, ns, parse, scan};

/// A session to go on with. `sid` lets anyone do that.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Attachment {
    /// The full JID that is bound.
    pub jid: String,
    pub sid: String,
    /// Of the last request that was made in it.
    pub rid: u64,
}

const PROBE_ID: &str = "attach";

impl Session {
    pub(super) fn attempt_attach(&mut self, now: Instant) {
        self.open(now, Purpose::Attach, self.config.connect_timeout);
    }

    /// A request that the server answers if it knows the session: a BOSH request by itself it would keep.
    pub(super) fn start_attach(&mut self, mut login: Box<Login>) {
        login.step = Step::Attach;
        let ping = Element::iq("get", PROBE_ID)
            .with_attribute("to", self.credentials.domain())
            .with_child(Element::new("ping", ns::PING))
            .to_xml();
        self.send_text(ping);
        self.link = Link::Login(login);
    }

    /// Any stanza is the proof, and may be meant for the caller.
    pub(super) fn handle_attaching(&mut self, now: Instant, frame: &Frame) -> Result<(), XmlError> {
        if scan(frame)?.namespace != ns::CLIENT {
            return self.handle_other(now, frame);
        }
        if let Link::Login(login) = &self.link {
            let round_trips = login.round_trips();
            self.jid = self.attachment.as_ref().map(|attachment| attachment.jid.clone());
            self.establish(now, round_trips, false);
        }
        if is_answer(&parse(frame)?, PROBE_ID) { Ok(()) } else { self.handle_established(now, frame) }
    }
}
