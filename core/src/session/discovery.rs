//! What the server tells of itself: pushed at the login (Jitsi's mod_jiconop), or asked for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::DateTime;

use super::calls::Purpose;
use super::{Output, Session};
use crate::options::Config;
use crate::outgoing::next_id;
use crate::xml::{Element, Head, ns};
use crate::{Event, IceServer, Properties};

/// A push comes before the answer to the bind or right behind it; only a server that does not push is asked.
const PATIENCE: Duration = Duration::from_secs(1);
/// Credentials of ICE servers are asked for again when they expire, and not more often than this.
const RENEWAL: Duration = Duration::from_secs(60);
/// A server may list more; what is beyond these is not kept.
const MAX_COMPONENTS: usize = 256;
const MAX_FEATURES: usize = 1_024;
const MAX_SERVICES: usize = 64;
const MAX_TEXT: usize = 1_024;
/// The kind of the component that lets people wait before a room.
const LOBBY: &str = "lobbyrooms";

/// A question to the server, by what its answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Info,
    /// Of a component, by its kind.
    Component(&'static str),
    Services {
        /// `urn:xmpp:extdisco:2`, or the older one.
        latest: bool,
    },
}

/// What is known of the server.
#[derive(Default)]
pub(super) struct Discovery {
    properties: Properties,
    services: Vec<IceServer>,
    /// The server has told, or has been asked.
    begun: bool,
    ask: Option<Instant>,
    renew: Option<Instant>,
    /// As the handle knows it.
    shown: (Properties, Vec<IceServer>),
    /// As the listeners know it: shard and region.
    told: (Option<String>, Option<String>),
    display_name_required: bool,
    told_display_name: bool,
}

impl Discovery {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.ask, self.renew].into_iter().flatten().min()
    }

    /// The shard that this client is at.
    pub(super) fn shard<'a>(&'a self, config: &'a Config) -> Option<&'a str> {
        self.properties.shard.as_deref().or(config.shard.as_deref())
    }

    fn component(&self, kind: &str) -> Option<&str> {
        self.properties.components.get(kind).map(String::as_str)
    }
}

impl Session {
    /// A fresh session knows nothing of what an older one was told.
    pub(super) fn forget_server(&mut self) {
        let told = std::mem::take(&mut self.discovery.told);
        self.discovery = Discovery { told, ..Discovery::default() };
    }

    /// A fresh session is established.
    pub(super) fn begin_discovery(&mut self, now: Instant) {
        if !self.discovery.begun {
            self.discovery.ask = Some(now + PATIENCE);
        }
    }

    pub(super) fn check_discovery(&mut self, now: Instant) {
        if self.discovery.ask.is_some_and(|due| due <= now) {
            self.discovery.ask = None;
            self.discovery.begun = true;
            self.ask_services(now, true);
            let query = Element::new("query", ns::DISCO_INFO);
            self.ask(now, Question::Info, &self.config.domain.clone(), query);
        }
        if self.discovery.renew.is_some_and(|due| due <= now) {
            self.discovery.renew = None;
            self.ask_services(now, true);
        }
    }

    fn ask_services(&mut self, now: Instant, latest: bool) {
        let namespace = if latest { ns::EXTDISCO_2 } else { ns::EXTDISCO_1 };
        let services = Element::new("services", namespace);
        self.ask(now, Question::Services { latest }, &self.config.domain.clone(), services);
    }

    fn ask(&mut self, now: Instant, question: Question, to: &str, payload: Element<'_>) {
        let id = next_id();
        let iq = Element::iq("get", &id).with_attribute("to", to).with_child(payload).to_xml();
        let deadline = now + self.config.iq_timeout;
        self.calls.expect(id, Purpose::Discovery(question), Some(to.to_owned()), deadline);
        self.send_own(now, iq);
    }

    /// A message of the server's may be its push. It may come before anything of ours is bound.
    pub(super) fn handle_push(&mut self, now: Instant, message: &Element<'_>) {
        if !self.is_from_server(message.attribute("from")) {
            return;
        }
        let info = message.child("query", ns::DISCO_INFO);
        let services = [ns::EXTDISCO_2, ns::EXTDISCO_1].map(|namespace| message.child("services", namespace));
        let services = services.into_iter().flatten().next();
        if info.is_none() && services.is_none() {
            return;
        }
        self.discovery.begun = true;
        self.discovery.ask = None;
        if let Some(services) = services {
            self.learn_services(now, services);
        }
        if let Some(info) = info {
            self.learn_identities(info);
            self.learn_features(info);
            // A push speaks for the components too.
            self.learn_lobby(info);
        }
        self.tell_discovered();
    }

    pub(super) fn may_be_push(&self, message: &Head<'_>) -> bool {
        self.is_from_server(message.value("from").as_deref())
    }

    fn is_from_server(&self, from: Option<&str>) -> bool {
        from.is_some_and(|from| from == self.config.domain || from == self.credentials.domain())
    }

    pub(super) fn handle_discovered(&mut self, now: Instant, question: Question, answer: &Element<'_>) {
        let result = answer.attribute("type") == Some("result");
        match question {
            Question::Services { latest } => {
                let namespace = if latest { ns::EXTDISCO_2 } else { ns::EXTDISCO_1 };
                match answer.child("services", namespace).filter(|_| result) {
                    Some(services) => self.learn_services(now, services),
                    None if latest => self.ask_services(now, false),
                    None => {}
                }
            }
            Question::Info => {
                if let Some(info) = answer.child("query", ns::DISCO_INFO).filter(|_| result) {
                    self.learn_identities(info);
                    self.learn_features(info);
                    self.ask_component(now, LOBBY);
                    self.ask_component(now, "breakout_rooms");
                }
            }
            Question::Component(kind) => {
                if let Some(info) = answer.child("query", ns::DISCO_INFO).filter(|_| result) {
                    self.learn_features(info);
                    if kind == LOBBY {
                        self.learn_lobby(info);
                    }
                }
            }
        }
        self.tell_discovered();
    }

    fn ask_component(&mut self, now: Instant, kind: &'static str) {
        if let Some(address) = self.discovery.component(kind).map(ToOwned::to_owned) {
            let query = Element::new("query", ns::DISCO_INFO).with_attribute("node", kind);
            self.ask(now, Question::Component(kind), &address, query);
        }
    }

    fn learn_identities(&mut self, info: &Element<'_>) {
        let properties = &mut self.discovery.properties;
        for identity in info.children().filter(|child| child.is("identity", ns::DISCO_INFO)) {
            let kind = text(identity.attribute("type"));
            let (Some(kind), Some(name)) = (kind, text(identity.attribute("name"))) else { continue };
            match kind.as_str() {
                "shard" => properties.shard = Some(name),
                "region" => properties.region = Some(name),
                "release" => properties.release = Some(name),
                // The identity of the server software itself.
                _ if identity.attribute("category") != Some("component") => {}
                _ if properties.components.len() < MAX_COMPONENTS && jid::Jid::new(&name).is_ok() => {
                    properties.components.insert(kind, name);
                }
                _ => {}
            }
        }
    }

    fn learn_features(&mut self, info: &Element<'_>) {
        let features: &mut BTreeSet<String> = &mut self.discovery.properties.features;
        for feature in info.children().filter(|child| child.is("feature", ns::DISCO_INFO)) {
            if let Some(var) = text(feature.attribute("var"))
                && features.len() < MAX_FEATURES
            {
                features.insert(var);
            }
        }
    }

    /// Whether the lobby wants a display name of everyone.
    fn learn_lobby(&mut self, info: &Element<'_>) {
        let wants = |child: &Element<'_>| {
            let var = child.attribute("var").filter(|_| child.is("feature", ns::DISCO_INFO));
            var.is_some_and(|var| var.ends_with("#displayname_required"))
        };
        let required = self.discovery.component(LOBBY).is_some() && info.children().any(wants);
        self.discovery.display_name_required |= required;
    }

    fn learn_services(&mut self, now: Instant, services: &Element<'_>) {
        let services = services.children().filter(|child| child.name == "service");
        self.discovery.services = services.filter_map(ice_server).take(MAX_SERVICES).collect();
        let expiry = self.discovery.services.iter().filter_map(|server| server.expires).min();
        self.discovery.renew = expiry.map(|then| now + self.wall.until(now, then).max(RENEWAL));
    }

    fn tell_discovered(&mut self) {
        let properties = &self.discovery.properties;
        let known = (properties.clone(), self.discovery.services.clone());
        if known != self.discovery.shown {
            self.discovery.shown.clone_from(&known);
            self.outputs.push_back(Output::Discovered(Box::new(known)));
        }
        let told = (properties.shard.clone(), properties.region.clone());
        if told != self.discovery.told {
            self.discovery.told.clone_from(&told);
            let (shard, region) = told;
            self.outputs.push_back(Output::Event(Event::PropertiesUpdated { shard, region }));
        }
        let required = self.discovery.display_name_required;
        if required && !std::mem::replace(&mut self.discovery.told_display_name, true) {
            self.outputs.push_back(Output::Event(Event::DisplayNameRequired));
        }
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.filter(|value| !value.is_empty() && value.len() <= MAX_TEXT).map(ToOwned::to_owned)
}

/// A service (XEP-0215) as WebRTC takes it, with the URLs of RFC 7064 and RFC 7065. `None` if it is no ICE server,
/// or is not usable as one.
fn ice_server(service: &Element<'_>) -> Option<IceServer> {
    let kind =
        service.attribute("type").filter(|kind| matches!(*kind, "stun" | "stuns" | "turn" | "turns"))?;
    let host = text(service.attribute("host"))?;
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '?' | '#' | '@')) {
        return None;
    }
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let port = match service.attribute("port") {
        Some(port) => format!(":{}", port.parse::<u16>().ok()?),
        None => String::new(),
    };
    let relay = kind.starts_with("turn");
    let transport = match service.attribute("transport").filter(|_| relay) {
        Some("tcp") => "?transport=tcp",
        _ => "",
    };
    let expires = service.attribute("expires").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    Some(IceServer {
        urls: vec![format!("{kind}:{host}{port}{transport}")],
        username: text(service.attribute("username")).filter(|_| relay),
        credential: text(service.attribute("password")).filter(|_| relay),
        expires: expires.filter(|_| relay).map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    #[test]
    fn a_service_is_an_ice_server_or_is_left_out() {
        let url = |attributes: &str| {
            let service = format!("<service xmlns='urn:xmpp:extdisco:2' {attributes}/>");
            let service = parse(&service).unwrap();
            ice_server(&service).map(|server| server.urls[0].clone())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(url("type='stun' host='h' port='3478' transport='udp'"), is("stun:h:3478"));
        assert_eq!(url("type='turn' host='h' transport='udp'"), is("turn:h"));
        assert_eq!(url("type='turns' host='h' port='443' transport='tcp'"), is("turns:h:443?transport=tcp"));
        assert_eq!(url("type='turn' host='2001:db8::1' port='1'"), is("turn:[2001:db8::1]:1"));
        for bad in
            ["type='ftp' host='h'", "type='turn'", "type='turn' host='a b'", "type='stun' host='h' port='x'"]
        {
            assert_eq!(url(bad), None, "{bad}");
        }
    }
}
