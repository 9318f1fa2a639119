//! `<body/>`: what wraps the stream in requests and answers (XEP-0124, section 6, and XEP-0206).

use std::time::Duration;

use crate::transport::TransportError;
use crate::xml::{Element, Head, XmlError, ns, unwrap};

/// How long the server may keep a request that it has nothing to answer with.
pub(super) const WAIT: Duration = Duration::from_secs(60);
/// How many requests it may keep so.
pub(super) const HOLD: usize = 1;
/// How many requests are ever open at once.
pub(super) const REQUESTS: usize = 2;
/// A server's number is not to be added to a clock as it is.
const LONGEST: Duration = Duration::from_secs(600);

/// What the server allows, as it says when it creates the session. The default is what holds where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub wait: Duration,
    pub hold: usize,
    pub requests: usize,
    /// The shortest time between two requests that carry nothing.
    pub polling: Duration,
    /// The longest time without a request.
    pub inactivity: Duration,
    /// It reads requests that are compressed.
    pub gzip: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            wait: WAIT,
            hold: HOLD,
            requests: REQUESTS,
            polling: Duration::from_secs(5),
            inactivity: Duration::from_secs(60),
            gzip: false,
        }
    }
}

/// The request that creates a session.
pub(super) fn create(rid: u64, to: &str) -> String {
    request(rid, None)
        .with_attribute("to", to)
        .with_attribute("ver", "1.6")
        .with_attribute("wait", WAIT.as_secs().to_string())
        .with_attribute("hold", HOLD.to_string())
        .with_attribute("content", "text/xml; charset=utf-8")
        .with_attribute("xml:lang", "en")
        .with_attribute("xmlns:xmpp", ns::XBOSH)
        .with_attribute("xmpp:version", "1.0")
        .to_xml()
}

/// The request that starts the stream of a session anew.
pub(super) fn restart(rid: u64, sid: &str, to: &str) -> String {
    request(rid, Some(sid))
        .with_attribute("to", to)
        .with_attribute("xml:lang", "en")
        .with_attribute("xmlns:xmpp", ns::XBOSH)
        .with_attribute("xmpp:restart", "true")
        .to_xml()
}

/// A request that carries `payload`; the last one of a session if it terminates it.
pub(super) fn carry(rid: u64, sid: &str, payload: &[String], terminate: bool) -> String {
    let body = request(rid, Some(sid));
    let body = if terminate { body.with_attribute("type", "terminate") } else { body };
    let mut text = body.to_xml();
    if !payload.is_empty() {
        text.truncate(text.len() - "/>".len());
        text.push('>');
        payload.iter().for_each(|stanza| text.push_str(stanza));
        text.push_str("</body>");
    }
    text
}

fn request(rid: u64, sid: Option<&str>) -> Element<'_> {
    let body = Element::new("body", ns::HTTPBIND).with_attribute("rid", rid.to_string());
    match sid {
        Some(sid) => body.with_attribute("sid", sid),
        None => body,
    }
}

/// What the server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub kind: Kind,
    /// Only the answer that creates the session has one that matters.
    pub sid: Option<String>,
    /// What it says of the stream, as the header that RFC 7395 would send.
    pub header: String,
    pub terms: Terms,
    /// Its payload, each a frame by itself.
    pub frames: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    /// The session has ended (XEP-0124, section 17.2).
    Terminate {
        condition: Option<String>,
    },
    /// The request is to be sent again (XEP-0124, section 17.3).
    Error,
}

impl Answer {
    pub(super) fn read(text: &str) -> Result<Self, TransportError> {
        let (head, frames) = unwrap(text).map_err(TransportError::Malformed)?;
        if head.name != "body" || head.namespace != ns::HTTPBIND {
            return Err(not_bosh("its answer holds no <body/>"));
        }
        let kind = match head.value("type").as_deref() {
            Some("terminate") => Kind::Terminate { condition: head.value("condition").map(Into::into) },
            Some("error") => Kind::Error,
            _ => Kind::Normal,
        };
        let sid = head.value("sid").filter(|sid| !sid.is_empty()).map(Into::into);
        Ok(Self { kind, sid, header: header(&head), terms: terms(&head), frames })
    }
}

fn terms(head: &Head<'_>) -> Terms {
    let number = |name: &str| head.value(name).and_then(|value| value.trim().parse::<u32>().ok());
    let seconds = |name: &str| number(name).map(|number| Duration::from_secs(number.into()).min(LONGEST));
    let count = |name: &str| number(name).and_then(|number| usize::try_from(number).ok());
    let default = Terms::default();
    let accept = head.value("accept").unwrap_or_default();
    Terms {
        wait: seconds("wait").unwrap_or(default.wait),
        hold: count("hold").unwrap_or(default.hold),
        requests: count("requests").unwrap_or(default.requests).clamp(1, REQUESTS),
        polling: seconds("polling").unwrap_or(default.polling),
        inactivity: seconds("inactivity").unwrap_or(default.inactivity).max(Duration::from_secs(1)),
        gzip: accept.split([',', ' ']).any(|encoding| encoding == "gzip"),
    }
}

fn header(head: &Head<'_>) -> String {
    let mut open = Element::new("open", ns::FRAMING);
    for (from, to) in [("from", "from"), ("authid", "id"), ("xmpp:version", "version")] {
        if let Some(value) = head.value(from) {
            open = open.with_attribute(to, value);
        }
    }
    open.to_xml()
}

pub(super) fn not_bosh(reason: &str) -> TransportError {
    TransportError::NotBosh { reason: reason.to_owned() }
}

/// An answer that is no XML at all, before there is a session, comes from something else than BOSH.
pub(super) fn not_yet_bosh(error: TransportError) -> TransportError {
    match error {
        TransportError::Malformed(
            XmlError::NotWellFormed(_) | XmlError::TextOutsideRoot | XmlError::Empty,
        ) => not_bosh("its answer is not XML"),
        TransportError::Malformed(_) => not_bosh("its answer holds no <body/>"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_what_it_is_given() {
        assert_eq!(
            carry(7, "s'1", &["<a/>".to_owned(), "<b/>".to_owned()], false),
            "<body xmlns='http://jabber.org/protocol/httpbind' rid='7' sid='s&apos;1'><a/><b/></body>"
        );
        assert_eq!(
            carry(8, "s", &[], true),
            "<body xmlns='http://jabber.org/protocol/httpbind' rid='8' sid='s' type='terminate'/>"
        );
    }

    #[test]
    fn an_answer_tells_the_terms() {
        let answer = Answer::read(
            "<body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' wait='30' hold='1' \
             polling='2' inactivity='40' requests='5' accept='deflate,gzip' sid='s' authid='a' from='h' xmpp:version='1.0'/>",
        )
        .unwrap();
        let seconds = Duration::from_secs;
        let terms = Terms {
            wait: seconds(30),
            hold: 1,
            requests: 2,
            polling: seconds(2),
            inactivity: seconds(40),
            gzip: true,
        };
        assert_eq!(answer.terms, terms);
        assert_eq!(answer.sid.as_deref(), Some("s"));
        let header = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='h' id='a' version='1.0'/>";
        assert_eq!(answer.header, header);
        let silent = Answer::read("<body xmlns='http://jabber.org/protocol/httpbind' wait='x'/>").unwrap();
        assert_eq!(silent.terms, Terms::default());
    }

    #[test]
    fn what_is_no_body_is_not_bosh() {
        assert!(matches!(Answer::read("<html/>"), Err(TransportError::NotBosh { .. })));
        assert!(matches!(Answer::read("Hi"), Err(TransportError::Malformed(_))));
        assert!(matches!(Answer::read("Hi").map_err(not_yet_bosh), Err(TransportError::NotBosh { .. })));
    }
}
