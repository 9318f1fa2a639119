//! The conference request over XMPP: an IQ to the focus.

use std::sync::Arc;
use std::time::Duration;

use minidom::{Element, ElementBuilder};

use super::{ConferenceAnswer, ConferenceRequest, FOCUS, LONGEST, Over, SESSION_INVALID};
use crate::Shared;
use crate::xml::{STANZA_ERRORS, With, answer, clean, element, error, is_request, refuse};

const NAMESPACE: &str = "http://jitsi.org/protocol/focus";

/// Whether this is a conference request.
pub(crate) fn is_asked(stanza: &Element) -> bool {
    stanza.attr("to") == Some(FOCUS) && is_request(stanza, "set", "conference", NAMESPACE)
}

/// Answers a conference request from a client that is bound as `jid`, now or later.
pub(crate) fn handle(shared: &Arc<Shared>, jid: &str, iq: &Element, length: usize) {
    if length > LONGEST {
        return deliver(shared, jid, refuse(iq, "modify", "policy-violation").with("from", FOCUS));
    }
    let Some(request) = read(iq) else {
        return deliver(shared, jid, refuse(iq, "modify", "bad-request").with("from", FOCUS));
    };
    let room = request.room.clone();
    let script = shared.script(request);
    if script.silent {
        return;
    }
    let text =
        write(iq, &room, &script).with("from", script.from.as_deref().unwrap_or(FOCUS)).with("to", jid);
    let text = String::from(&text.build());
    let (shared_then, jid) = (Arc::clone(shared), jid.to_owned());
    let send = move || {
        for _ in 0..=u8::from(script.twice) {
            shared_then.state().sessions.deliver(&jid, text.clone());
        }
    };
    if script.delay() == Duration::ZERO {
        return send();
    }
    let stop = shared.stop.clone();
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        tokio::time::sleep(script.delay()).await;
        send();
    }));
}

fn deliver(shared: &Shared, jid: &str, stanza: ElementBuilder) {
    shared.state().sessions.deliver(jid, String::from(&stanza.with("to", jid).build()));
}

/// `None` without a room.
fn read(iq: &Element) -> Option<ConferenceRequest> {
    let conference = iq.get_child("conference", NAMESPACE)?;
    let attribute = |name| conference.attr(name).map(ToOwned::to_owned);
    let properties = conference.children().filter(|child| child.is("property", NAMESPACE));
    let property = |child: &Element| Some((child.attr("name")?.to_owned(), child.attr("value")?.to_owned()));
    Some(ConferenceRequest {
        over: Over::Iq,
        room: attribute("room").filter(|room| !room.is_empty())?,
        machine_uid: attribute("machine-uid"),
        token: attribute("token"),
        session_id: attribute("session-id"),
        properties: properties.filter_map(property).collect(),
    })
}

fn write(iq: &Element, room: &str, script: &ConferenceAnswer) -> ElementBuilder {
    if let Some(condition) = &script.error {
        let error = match condition.as_str() {
            SESSION_INVALID => error("modify", "not-acceptable").append(element(SESSION_INVALID, NAMESPACE)),
            super::NOT_AUTHORIZED => error("auth", condition),
            _ => error("cancel", condition),
        };
        return answer(iq, "error").append(error);
    }
    if let Some(reservation) = &script.reservation {
        let text = element("text", STANZA_ERRORS).append(&*clean(&reservation.text));
        let code = element("reservation-error", NAMESPACE).with("error-code", &reservation.code.to_string());
        let error = error("cancel", "service-unavailable").append(text).append(code);
        return answer(iq, "error").append(error);
    }
    let conference = element("conference", NAMESPACE)
        .with("room", room)
        .with("ready", if script.ready { "true" } else { "false" })
        .with_some("focusjid", script.focus_jid.as_deref())
        .with_some("vnode", script.vnode.as_deref())
        .with_some("identity", script.identity.as_deref())
        .with_some("session-id", script.session_id.as_deref())
        .append_all(script.properties.iter().map(|(name, value)| {
            element("property", NAMESPACE).with("name", name).with("value", value).build()
        }));
    answer(iq, "result").append(conference)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reservation;
    use crate::xml::CLIENT;

    fn iq(attributes: &str) -> Element {
        let payload = format!(
            "<conference xmlns='{NAMESPACE}' {attributes}><property name='a' value='b'/></conference>"
        );
        format!("<iq xmlns='jabber:client' type='set' id='7' to='{FOCUS}'>{payload}</iq>").parse().unwrap()
    }

    fn answered(script: &ConferenceAnswer) -> Element {
        write(&iq("room='r@muc'"), "r@muc", script).build()
    }

    #[test]
    fn reads_what_is_asked() {
        let asked = iq("room='r@muc' machine-uid='m' token='t' session-id='s'");
        assert!(is_asked(&asked));
        let request = read(&asked).unwrap();
        assert_eq!(request.room, "r@muc");
        assert_eq!(request.machine_uid.as_deref(), Some("m"));
        assert_eq!(request.token.as_deref(), Some("t"));
        assert_eq!(request.session_id.as_deref(), Some("s"));
        assert_eq!(request.properties["a"], "b");
        assert_eq!(read(&iq("")), None);
    }

    #[test]
    fn the_default_is_ready() {
        let answer = answered(&ConferenceAnswer::default());
        assert_eq!((answer.attr("type"), answer.attr("id")), (Some("result"), Some("7")));
        let conference = answer.get_child("conference", NAMESPACE).unwrap();
        assert_eq!(conference.attr("ready"), Some("true"));
        assert_eq!(conference.attr("focusjid"), Some("focus@auth.meet.example"));
        assert_eq!(conference.attr("vnode"), None);
        assert_eq!(conference.children().next().unwrap().attr("name"), Some("authentication"));
    }

    #[test]
    fn refuses_as_jicofo_does() {
        let refuse = |error: &str| {
            let script = ConferenceAnswer { error: Some(error.to_owned()), ..Default::default() };
            answered(&script).get_child("error", CLIENT).unwrap().clone()
        };
        assert!(refuse("not-authorized").has_child("not-authorized", STANZA_ERRORS));
        let error = refuse("session-invalid");
        assert!(error.has_child("not-acceptable", STANZA_ERRORS));
        assert!(error.has_child("session-invalid", NAMESPACE));
        assert!(refuse("no name").has_child("undefined-condition", STANZA_ERRORS));

        let reservation = Some(Reservation { code: 409, text: "taken\0".to_owned() });
        let answer = answered(&ConferenceAnswer { reservation, ..Default::default() });
        let error = answer.get_child("error", CLIENT).unwrap();
        assert!(error.has_child("service-unavailable", STANZA_ERRORS));
        assert_eq!(error.get_child("text", STANZA_ERRORS).unwrap().text(), "taken");
        let code = error.get_child("reservation-error", NAMESPACE).unwrap();
        assert_eq!(code.attr("error-code"), Some("409"));
    }
}
