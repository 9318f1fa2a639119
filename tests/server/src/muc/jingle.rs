//! The media that the focus offers (XEP-0166), and what clients say to it.

use minidom::Element;
use serde::Serialize;

use super::focus::Focus;
use super::room::{Kind, Room};
use super::{FOCUS_PROTOCOL, Fault, Outbox, Sender};
use crate::xml::{CLIENT, escape};

pub(super) const JINGLE: &str = "urn:xmpp:jingle:1";

/// A session that the focus has offered.
#[derive(Debug)]
pub(super) struct Offer {
    sid: String,
    /// The id of the IQ that offers it.
    id: String,
    bridge_session: String,
    /// It was terminated in a way that the focus did not accept.
    ended: bool,
}

/// What a client said to an offer of the focus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JingleAnswer {
    /// The bare JID of the room.
    pub room: String,
    /// The nick of the client.
    pub nick: String,
    /// `result` or `error` of the offer itself, else the action of what came: `session-terminate` for example.
    pub answer: String,
    /// The session.
    pub sid: Option<String>,
    /// The condition of an error, or the reason of a termination.
    pub condition: Option<String>,
    /// The id of the bridge session that came along.
    pub bridge_session: Option<String>,
    /// The error condition that the focus answered with.
    pub refused: Option<String>,
}

impl Room {
    /// Offers media to every client that has no session.
    pub(super) fn offer_to_all(&mut self, out: &mut Outbox) {
        if self.occupants.len() <= 2 || self.focus.as_ref().is_none_or(|focus| !focus.settings.offers) {
            return;
        }
        let clients = self.occupants.values().filter(|occupant| occupant.kind == Kind::Client);
        let clients: Vec<_> = clients.map(|occupant| occupant.nick.clone()).collect();
        for nick in clients {
            self.offer(&nick, out);
        }
    }

    /// Offers media to a client that has no session; false if it has one, or is none.
    pub(super) fn offer(&mut self, nick: &str, out: &mut Outbox) -> bool {
        let from = self.address(super::focus::NAME);
        let responder = self.address(nick);
        let occupant = self.occupants.get(nick).filter(|occupant| occupant.kind == Kind::Client);
        let (Some(occupant), Some(focus)) = (occupant, &mut self.focus) else { return false };
        if focus.offers.contains_key(nick) {
            return false;
        }
        focus.offered += 1;
        let number = format!("{:04}", focus.offered);
        let (sid, id) = (format!("session{number}"), format!("offer-{number}"));
        let bridge_session = format!("bridge-session-{number}");
        let text = format!(
            "<iq xmlns='jabber:client' type='set' id='{id}' from='{}' to='{}'><jingle xmlns='{JINGLE}' \
             action='session-initiate' initiator='{}' responder='{}' sid='{sid}'>{}{}\
             <group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='audio'/>\
             <content name='video'/></group><bridge-session xmlns='{FOCUS_PROTOCOL}' id='{bridge_session}' \
             region='{}'/></jingle></iq>",
            escape(&from),
            escape(&occupant.jid),
            super::focus::jid(),
            escape(&responder),
            content("audio", "<payload-type id='111' name='opus' clockrate='48000' channels='2'/>"),
            content("video", "<payload-type id='100' name='VP8' clockrate='90000'/>"),
            escape(&focus.settings.region),
        );
        out.send(&occupant.jid, text);
        focus.offers.insert(nick.to_owned(), Offer { sid, id, bridge_session, ended: false });
        true
    }

    /// A client has acknowledged an offer, or refused it.
    pub(super) fn handle_answer(&mut self, iq: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let (Some(nick), Some(focus)) = (self.nicks.get(sender.jid), &mut self.focus) else { return };
        let Some(offer) = focus.offers.get(nick).filter(|offer| iq.attr("id") == Some(&offer.id)) else {
            return;
        };
        let refused = iq.attr("type") == Some("error");
        let condition = iq.get_child("error", CLIENT).and_then(|error| error.children().next());
        out.answers.push(JingleAnswer {
            room: self.jid.clone(),
            nick: nick.clone(),
            answer: if refused { "error" } else { "result" }.to_owned(),
            sid: Some(offer.sid.clone()),
            condition: condition.map(|condition| condition.name().to_owned()),
            bridge_session: None,
            refused: None,
        });
        if refused {
            focus.offers.remove(nick);
        }
    }

    /// A client acts on a session.
    pub(super) fn handle_jingle(&mut self, iq: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let (Some(nick), Some(focus)) = (self.nicks.get(sender.jid).cloned(), &mut self.focus) else {
            return;
        };
        let Some(jingle) = iq.get_child("jingle", JINGLE) else { return };
        let (action, sid) = (jingle.attr("action"), jingle.attr("sid"));
        let bridge = jingle.get_child("bridge-session", FOCUS_PROTOCOL);
        let outcome = act(focus, &nick, action, sid, bridge);
        let reason = jingle.get_child("reason", JINGLE).and_then(|reason| reason.children().next());
        out.answers.push(JingleAnswer {
            room: self.jid.clone(),
            nick: nick.clone(),
            answer: action.unwrap_or_default().to_owned(),
            sid: sid.map(ToOwned::to_owned),
            condition: reason.map(|reason| reason.name().to_owned()),
            bridge_session: bridge.and_then(|it| it.attr("id")).map(ToOwned::to_owned),
            refused: outcome.as_ref().err().map(|(condition, _)| (*condition).to_owned()),
        });
        match outcome {
            Err((condition, text)) => out.refuse(iq, sender, &Fault::new("cancel", condition).text(text)),
            Ok(again) => {
                out.answer(iq, sender, "");
                if again {
                    self.offer(&nick, out);
                }
            }
        }
    }
}

/// What Jicofo makes of an action: whether it is to offer again, or why it refuses.
fn act(
    focus: &mut Focus,
    nick: &str,
    action: Option<&str>,
    sid: Option<&str>,
    bridge: Option<&Element>,
) -> Result<bool, (&'static str, &'static str)> {
    let action = action.ok_or(("bad-request", "Missing 'action'"))?;
    let offer = focus.offers.get_mut(nick).filter(|offer| sid == Some(&offer.sid));
    let offer = offer.ok_or(("bad-request", "no such session"))?;
    if offer.ended {
        return Err(("gone", "session ended"));
    }
    match action {
        "session-accept" | "session-info" | "transport-info" | "source-add" | "source-remove" => Ok(false),
        "session-terminate" => {
            if bridge.and_then(|bridge| bridge.attr("id")) != Some(&offer.bridge_session) {
                offer.ended = true;
                return Err(("item-not-found", "not a currently active session"));
            }
            focus.offers.remove(nick);
            Ok(bridge.and_then(|bridge| bridge.attr("restart")) == Some("true"))
        }
        _ => Err(("feature-not-implemented", "Unsupported 'action'")),
    }
}

fn content(media: &str, payload: &str) -> String {
    format!(
        "<content creator='initiator' name='{media}' senders='both'><description \
         xmlns='urn:xmpp:jingle:apps:rtp:1' media='{media}'>{payload}<rtcp-mux/></description><transport \
         xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='ufrag' pwd='password'><fingerprint \
         xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>{FINGERPRINT}</fingerprint><candidate \
         id='candidate-1' foundation='1' component='1' protocol='udp' priority='2130706431' ip='127.0.0.1' port='10000' \
         type='host' generation='0' network='0'/></transport></content>"
    )
}

const FINGERPRINT: &str =
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
