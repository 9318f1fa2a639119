//! What this client says of itself: its features (XEP-0030), their hash (XEP-0115), and the few questions that every
//! client answers.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use ring::digest;

use crate::options::Config;
use crate::xml::{Element, ns};

/// lib-jitsi-meet's, by which a deployment recognises its clients.
const NODE: &str = "https://jitsi.org/jitsi-meet";
const NAME: &str = "jitsimeet";

/// What a client without media can do.
const SIGNALLING: [&str; 5] =
    [ns::DISCO_INFO, ns::CAPS, ns::PING, ns::VERSION, "http://jitsi.org/visitors-1"];

/// What a client that handles media announces beside it, as lib-jitsi-meet does.
const MEDIA: [&str; 15] = [
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:transports:ice-udp:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:transports:dtls-sctp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "http://jitsi.org/json-encoded-sources",
    "http://jitsi.org/source-name",
    "http://jitsi.org/receive-multiple-video-streams",
    "urn:ietf:rfc:4588",
    "http://jitsi.org/remb",
    "http://jitsi.org/tcc",
    "urn:xmpp:rayo:client:1",
    "http://jitsi.org/start-muted-room-metadata",
];

const SSRC_REWRITING: &str = "http://jitsi.org/ssrc-rewriting-1";

/// The features that this client advertises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Features {
    all: BTreeSet<String>,
    /// Those that the caller has added: presences list them, which saves others the question.
    added: BTreeSet<String>,
}

impl Features {
    pub(crate) fn new(config: &Config) -> Self {
        let media = MEDIA.iter().filter(|_| config.media_features);
        let rewriting = [SSRC_REWRITING].iter().filter(|_| config.media_features && config.ssrc_rewriting);
        let all = SIGNALLING.iter().chain(media).chain(rewriting).map(|feature| (*feature).to_owned());
        Self { all: all.collect(), added: BTreeSet::new() }
    }

    pub(crate) fn add(&mut self, feature: &str) {
        self.all.insert(feature.to_owned());
        self.added.insert(feature.to_owned());
    }

    pub(crate) fn remove(&mut self, feature: &str) {
        self.all.remove(feature);
        self.added.remove(feature);
    }

    /// The verification string (XEP-0115, section 5.1).
    fn hash(&self) -> String {
        let mut text = format!("client/bot//{NAME}<");
        for feature in &self.all {
            text.push_str(feature);
            text.push('<');
        }
        BASE64.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
    }

    /// What presences say of it (XEP-0115, section 4).
    pub(super) fn caps(&self) -> Element<'static> {
        Element::new("c", ns::CAPS)
            .with_attribute("hash", "sha-1")
            .with_attribute("node", NODE)
            .with_attribute("ver", self.hash())
    }

    /// Those that presences list, if there are any.
    pub(super) fn of_presence(&self) -> Option<Element<'_>> {
        let feature = |name| Element::new("feature", ns::CLIENT).with_attribute("var", name);
        let listed = Element::new("features", ns::CLIENT);
        let listed = self.added.iter().fold(listed, |listed, name| listed.with_child(feature(name)));
        (!self.added.is_empty()).then_some(listed)
    }

    /// The answer to disco#info, if the node is ours or none is asked for.
    fn info<'text>(&'text self, node: Option<&'text str>) -> Option<Element<'text>> {
        let mut query = Element::new("query", ns::DISCO_INFO);
        if let Some(node) = node {
            if node != format!("{NODE}#{}", self.hash()) {
                return None;
            }
            query = query.with_attribute("node", node);
        }
        let identity = Element::new("identity", ns::DISCO_INFO)
            .with_attribute("category", "client")
            .with_attribute("type", "bot")
            .with_attribute("name", NAME);
        let feature =
            |feature: &'text String| Element::new("feature", ns::DISCO_INFO).with_attribute("var", feature);
        Some(self.all.iter().fold(query.with_child(identity), |query, var| query.with_child(feature(var))))
    }

    /// What answers a request that someone makes of us. Every one is answered (RFC 6120, section 8.2.3).
    pub(super) fn answer<'text>(&'text self, iq: &'text Element<'_>, id: &'text str) -> Element<'text> {
        let get = iq.attribute("type") == Some("get");
        let payload = iq.children().next().filter(|_| get);
        let result = Element::iq("result", id);
        let answer = match payload {
            Some(payload) if payload.is("ping", ns::PING) => result,
            Some(payload) if payload.is("query", ns::DISCO_INFO) => {
                match self.info(payload.attribute("node")) {
                    Some(info) => result.with_child(info),
                    None => refusal(id, "item-not-found"),
                }
            }
            Some(payload) if payload.is("query", ns::VERSION) => {
                let text = |name, text| Element::new(name, ns::VERSION).with_text(text);
                let version = Element::new("query", ns::VERSION);
                result.with_child(
                    version.with_child(text("name", NAME)).with_child(text("version", crate::VERSION)),
                )
            }
            _ => refusal(id, "service-unavailable"),
        };
        match iq.attribute("from") {
            Some(from) => answer.with_attribute("to", from),
            None => answer,
        }
    }
}

fn refusal<'text>(id: &'text str, condition: &'text str) -> Element<'text> {
    let condition = Element::new(condition, ns::STANZA_ERRORS);
    let error = Element::new("error", ns::CLIENT).with_attribute("type", "cancel").with_child(condition);
    Element::iq("error", id).with_child(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Options;
    use crate::xml::parse;

    fn features(options: serde_json::Value) -> Features {
        let mut tree = Options::new();
        tree.merge(json!({ "serviceUrl": "ws://h/x", "hosts": { "domain": "h" } })).unwrap();
        tree.merge(options).unwrap();
        Features::new(&tree.config().unwrap())
    }

    #[test]
    fn media_is_advertised_only_when_asked_for() {
        let without = features(json!({}));
        assert!(!without.all.iter().any(|feature| feature.contains("jingle")));
        let with = features(json!({ "mediaFeatures": true }));
        assert!(with.all.contains("urn:xmpp:jingle:1") && !with.all.contains(SSRC_REWRITING));
        let rewriting = json!({ "mediaFeatures": true, "flags": { "ssrcRewritingEnabled": true } });
        assert!(features(rewriting).all.contains(SSRC_REWRITING));
    }

    #[test]
    fn a_client_with_media_announces_what_lib_jitsi_meet_does() {
        let with = features(json!({ "mediaFeatures": true, "flags": { "ssrcRewritingEnabled": true } }));
        let theirs = [
            "urn:xmpp:jingle:1",
            "urn:xmpp:jingle:apps:rtp:1",
            "urn:xmpp:jingle:transports:ice-udp:1",
            "urn:xmpp:jingle:apps:dtls:0",
            "urn:xmpp:jingle:transports:dtls-sctp:1",
            "urn:xmpp:jingle:apps:rtp:audio",
            "urn:xmpp:jingle:apps:rtp:video",
            "http://jitsi.org/json-encoded-sources",
            "http://jitsi.org/source-name",
            "http://jitsi.org/receive-multiple-video-streams",
            "urn:ietf:rfc:4588",
            "http://jitsi.org/remb",
            "http://jitsi.org/tcc",
            "urn:xmpp:rayo:client:1",
            "http://jitsi.org/visitors-1",
            "http://jitsi.org/start-muted-room-metadata",
            "http://jitsi.org/ssrc-rewriting-1",
        ];
        for feature in theirs {
            assert!(with.all.contains(feature), "{feature}");
        }
        let without = features(json!({ "flags": { "ssrcRewritingEnabled": true } }));
        let expected = [
            "http://jabber.org/protocol/caps",
            "http://jabber.org/protocol/disco#info",
            "http://jitsi.org/visitors-1",
            "jabber:iq:version",
            "urn:xmpp:ping",
        ];
        assert_eq!(without.all.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_hash_is_of_the_identity_and_the_features_that_are_told() {
        let mut features = features(json!({}));
        features.add("urn:zebra");
        let info = features.info(None).unwrap();
        let identity = info.child("identity", ns::DISCO_INFO).unwrap();
        let attribute = |name| identity.attribute(name).unwrap_or_default();
        let mut text =
            format!("{}/{}/{}/{}<", attribute("category"), attribute("type"), "", attribute("name"));
        let mut vars: Vec<_> = info
            .children()
            .filter(|child| child.is("feature", ns::DISCO_INFO))
            .map(|child| child.attribute("var").unwrap())
            .collect();
        vars.sort_unstable();
        vars.iter().for_each(|var| text.push_str(&format!("{var}<")));
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        assert_eq!(features.hash(), BASE64.encode(hash.as_ref()));
    }

    #[test]
    fn the_hash_is_xep_0115s() {
        // The example of section 5.2, with its identity in place of ours.
        let text = "client/pc//Exodus 0.9.1<http://jabber.org/protocol/caps<http://jabber.org/protocol/disco#info<\
                    http://jabber.org/protocol/disco#items<http://jabber.org/protocol/muc<";
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        assert_eq!(BASE64.encode(hash.as_ref()), "QgayPKawpkPSDYmwT/WM94uAlu0=");

        let mut features = features(json!({}));
        let before = features.hash();
        features.add("urn:example");
        assert_ne!(features.hash(), before);
        features.remove("urn:example");
        assert_eq!(features.hash(), before);
    }

    #[test]
    fn the_questions_that_every_client_answers() {
        let features = features(json!({}));
        let ask = |payload: &str| {
            let iq = format!("<iq xmlns='jabber:client' type='get' id='1' from='a@b/c'>{payload}</iq>");
            features.answer(&parse(&iq).unwrap(), "1").to_xml()
        };
        assert_eq!(
            ask("<ping xmlns='urn:xmpp:ping'/>"),
            "<iq xmlns='jabber:client' type='result' id='1' to='a@b/c'/>"
        );
        let info = ask("<query xmlns='http://jabber.org/protocol/disco#info'/>");
        assert!(info.contains("category='client'") && info.contains("var='urn:xmpp:ping'"), "{info}");
        let node = format!("{NODE}#{}", features.hash());
        let info = ask(&format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>"));
        assert!(info.contains(&format!("node='{node}'")), "{info}");
        let other = ask("<query xmlns='http://jabber.org/protocol/disco#info' node='other'/>");
        assert!(other.contains("item-not-found"), "{other}");
        assert!(ask("<query xmlns='jabber:iq:version'/>").contains(crate::VERSION));
        assert!(ask("<other xmlns='urn:example'/>").contains("service-unavailable"));
    }
}
