//! What clients are told: service discovery (XEP-0030), external services (XEP-0215), pings (XEP-0199), and the push
//! of all that.

use minidom::{Element, ElementBuilder};

use crate::conference::FOCUS;
use crate::xml::{CLIENT, With, answer, bare, clean, element, is_request, refuse};
use crate::{DOMAIN, Deployment, Extdisco, Push};

pub(crate) const PING: &str = "urn:xmpp:ping";
pub(crate) const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
const EXTDISCO_2: &str = "urn:xmpp:extdisco:2";
const EXTDISCO_1: &str = "urn:xmpp:extdisco:1";

/// What a stanza leads to.
pub(crate) enum Reply {
    Answer(ElementBuilder),
    /// It goes to another session.
    Route(String),
    /// It goes where nobody is who would answer.
    Nothing,
}

/// Answers a stanza from a client that is bound as `jid`.
pub(crate) fn reply(stanza: &Element, jid: &str, deployment: &Deployment) -> Reply {
    let to = stanza.attr("to");
    let ours = to.is_none_or(|to| to == DOMAIN || to == bare(jid));
    let request = stanza.name() == "iq" && matches!(stanza.attr("type"), Some("get" | "set"));
    let component = to.filter(|to| deployment.components.values().any(|address| address == to));
    if ours && let Some(answer) = ask_server(stanza, deployment) {
        return Reply::Answer(answer);
    }
    if let Some(address) = component
        && is_request(stanza, "get", "query", DISCO_INFO)
    {
        return Reply::Answer(ask_component(stanza, address, deployment));
    }
    let focus = to == Some(FOCUS);
    if (component.is_some() || focus) && is_request(stanza, "get", "ping", PING) {
        return Reply::Answer(answer(stanza, "result"));
    }
    match to {
        Some(to) if to.contains('/') => Reply::Route(to.to_owned()),
        _ if request => Reply::Answer(refuse(stanza, "cancel", "service-unavailable")),
        _ => Reply::Nothing,
    }
}

/// What the server itself answers, or the account for its own client.
fn ask_server(iq: &Element, deployment: &Deployment) -> Option<ElementBuilder> {
    if is_request(iq, "get", "ping", PING) || is_request(iq, "set", "session", SESSION) {
        return Some(answer(iq, "result"));
    }
    if is_request(iq, "get", "query", DISCO_INFO) {
        let query = element("query", DISCO_INFO).append_all(identities(deployment));
        let features = [DISCO_INFO, PING].into_iter().chain(extdisco(deployment).iter().copied());
        let query = query.append_all(features.map(feature));
        let query = query.append_all(deployment.features.iter().map(|var| feature(var)));
        return Some(answer(iq, "result").append(query));
    }
    let namespace = extdisco(deployment).iter().find(|version| is_request(iq, "get", "services", version))?;
    let kind = iq.get_child("services", *namespace).and_then(|services| services.attr("type"));
    Some(answer(iq, "result").append(services(deployment, namespace, kind)))
}

/// A component answers for the node that is its type, as Jitsi's do, and for none.
fn ask_component(iq: &Element, address: &str, deployment: &Deployment) -> ElementBuilder {
    let node = iq.get_child("query", DISCO_INFO).and_then(|query| query.attr("node"));
    let mut components = deployment.components.iter();
    let component = components.find(|(kind, its)| *its == address && node.is_none_or(|node| node == **kind));
    let Some((kind, _)) = component else { return refuse(iq, "cancel", "item-not-found") };
    let features = deployment.component_features.get(address).map(Vec::as_slice).unwrap_or_default();
    let query = element("query", DISCO_INFO)
        .with_some("node", node)
        .append(identity("component", kind, address))
        .append(feature(DISCO_INFO))
        .append_all(features.iter().map(|var| feature(var)));
    answer(iq, "result").append(query)
}

/// The push as text, if there is to be one at this moment.
pub(crate) fn push(deployment: &Deployment, moment: Push, jid: &str) -> Option<String> {
    if deployment.push != moment || moment == Push::None {
        return None;
    }
    if let Some(raw) = &deployment.raw_push {
        return Some(raw.replace("{jid}", &clean(jid)));
    }
    let query = element("query", DISCO_INFO)
        .append_all(identities(deployment))
        .append_all(deployment.features.iter().map(|var| feature(var)));
    let message = element("message", CLIENT)
        .with("from", DOMAIN)
        .with("to", jid)
        .append(query)
        .append(services(deployment, EXTDISCO_2, None));
    Some(String::from(&message.build()))
}

fn identities(deployment: &Deployment) -> Vec<Element> {
    let server = [
        ("shard", &deployment.shard),
        ("region", &deployment.region),
        ("release", &deployment.release),
        ("im", &Some("Prosody".to_owned())),
    ]
    .into_iter()
    .filter_map(|(kind, name)| Some(identity("server", kind, name.as_deref()?)))
    .collect::<Vec<_>>();
    let components = deployment.components.iter();
    server.into_iter().chain(components.map(|(kind, address)| identity("component", kind, address))).collect()
}

fn identity(category: &str, kind: &str, name: &str) -> Element {
    element("identity", DISCO_INFO).with("category", category).with("type", kind).with("name", name).build()
}

fn feature(var: &str) -> Element {
    element("feature", DISCO_INFO).with("var", var).build()
}

const fn extdisco(deployment: &Deployment) -> &'static [&'static str] {
    match deployment.extdisco {
        Extdisco::Both => &[EXTDISCO_2, EXTDISCO_1],
        Extdisco::V1 => &[EXTDISCO_1],
        Extdisco::None => &[],
    }
}

/// The services, those of one type only if the client asks for it.
fn services(deployment: &Deployment, namespace: &str, kind: Option<&str>) -> ElementBuilder {
    let wanted = deployment.services.iter().filter(|service| kind.is_none_or(|kind| kind == service.kind));
    element("services", namespace).append_all(wanted.map(|service| {
        element("service", namespace)
            .with("type", &service.kind)
            .with("host", &service.host)
            .with_some("port", service.port.map(|port| port.to_string()).as_deref())
            .with_some("transport", service.transport.as_deref())
            .with_some("username", service.username.as_deref())
            .with_some("password", service.password.as_deref())
            .with_some("expires", service.expires.as_deref())
            .with_some("restricted", service.restricted.then_some("1"))
            .build()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Service;

    const JID: &str = "guest@meet.example/r";

    fn deployment() -> Deployment {
        Deployment {
            push: Push::AfterBind,
            shard: Some("shard-1".to_owned()),
            components: [("lobbyrooms".to_owned(), "lobby.meet.example".to_owned())].into(),
            component_features: [("lobby.meet.example".to_owned(), vec!["lobby-feature".to_owned()])].into(),
            features: vec!["own-feature".to_owned()],
            services: vec![Service {
                kind: "turn".to_owned(),
                host: "turn.example".to_owned(),
                port: Some(3478),
                restricted: true,
                ..Service::default()
            }],
            ..Deployment::default()
        }
    }

    fn ask(deployment: &Deployment, to: &str, payload: &str) -> Element {
        let iq = format!("<iq xmlns='jabber:client' type='get' id='1' to='{to}'>{payload}</iq>");
        match reply(&iq.parse().unwrap(), JID, deployment) {
            Reply::Answer(answer) => answer.build(),
            Reply::Route(to) => panic!("routed to {to}"),
            Reply::Nothing => panic!("no answer"),
        }
    }

    fn query(node: &str) -> String {
        format!("<query xmlns='{DISCO_INFO}'{node}/>")
    }

    fn refusal(answer: &Element) -> &str {
        let error = answer.get_child("error", CLIENT).unwrap();
        error.children().next().unwrap().name()
    }

    #[test]
    fn tells_of_itself_and_of_its_components() {
        let told = String::from(&ask(&deployment(), DOMAIN, &query("")));
        for part in ["shard-1", "lobby.meet.example", PING, EXTDISCO_2, EXTDISCO_1, "own-feature"] {
            assert!(told.contains(part), "{part} in {told}");
        }
        let lobby = ask(&deployment(), "lobby.meet.example", &query(" node='lobbyrooms'"));
        assert_eq!(lobby.get_child("query", DISCO_INFO).unwrap().attr("node"), Some("lobbyrooms"));
        assert!(String::from(&lobby).contains("lobby-feature"));
        let wrong = ask(&deployment(), "lobby.meet.example", &query(" node='breakout_rooms'"));
        assert_eq!(refusal(&wrong), "item-not-found");
        let unknown = ask(&deployment(), "nowhere.example", &query(""));
        assert_eq!(refusal(&unknown), "service-unavailable");
    }

    #[test]
    fn a_request_to_another_client_is_routed() {
        let iq = format!("<iq xmlns='jabber:client' type='get' id='1' to='a@b/c'>{}</iq>", query(""));
        let reply = reply(&iq.parse().unwrap(), JID, &deployment());
        assert!(matches!(reply, Reply::Route(to) if to == "a@b/c"));
    }

    #[test]
    fn answers_the_versions_of_extdisco_that_it_has() {
        let ask = |extdisco, version: &str| {
            let deployment = Deployment { extdisco, ..deployment() };
            ask(&deployment, DOMAIN, &format!("<services xmlns='{version}'/>"))
        };
        for (extdisco, second, first) in
            [(Extdisco::Both, true, true), (Extdisco::V1, false, true), (Extdisco::None, false, false)]
        {
            for (version, answered) in [(EXTDISCO_2, second), (EXTDISCO_1, first)] {
                let answer = ask(extdisco, version);
                match answer.get_child("services", version) {
                    Some(services) => {
                        assert!(answered);
                        let service = services.children().next().unwrap();
                        assert_eq!(service.attr("port"), Some("3478"));
                        assert_eq!(service.attr("restricted"), Some("1"));
                    }
                    None => {
                        assert!(!answered);
                        assert_eq!(refusal(&answer), "service-unavailable");
                    }
                }
            }
        }
    }

    #[test]
    fn pushes_when_it_is_told_to() {
        assert_eq!(push(&Deployment::default(), Push::AfterBind, JID), None);
        assert_eq!(push(&deployment(), Push::BeforeBind, JID), None);
        let pushed: Element = push(&deployment(), Push::AfterBind, JID).unwrap().parse().unwrap();
        assert_eq!(pushed.attr("to"), Some(JID));
        assert!(pushed.has_child("query", DISCO_INFO) && pushed.has_child("services", EXTDISCO_2));
        let raw = Deployment { raw_push: Some("<x to='{jid}'".to_owned()), ..deployment() };
        assert_eq!(push(&raw, Push::AfterBind, JID).unwrap(), format!("<x to='{JID}'"));
        assert_eq!(push(&raw, Push::None, JID), None);
    }
}
