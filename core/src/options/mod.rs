//! The options of a connection: a tree with lib-jitsi-meet's keys, checked against one table.
//!
//! ```
//! use jitsimeet::options::{Kind, OPTIONS};
//!
//! let option = OPTIONS.iter().find(|option| option.path == "hosts.domain").expect("a known one");
//! assert_eq!(option.kind, Kind::String);
//! ```

mod config;
mod raw;
mod schema;
mod tree;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Map, Value};

pub(crate) use config::{Config, LogLimits, Ping, SendQueue, Tls, room};
pub use schema::{Kind, OPTIONS, OptionSpec};
use tree::{Tree, wipe};

use crate::{Error, LogLevel, PerProcess};

/// The configurations in use, by the options that they come from: what is compared must be few.
static CONFIGS: PerProcess<Mutex<Vec<Used>>> = PerProcess::new();
type Used = (Tree, Weak<Config>);
const MAX_SHARED: usize = 16;

/// The options of [`init`](crate::init) and of a [`JitsiConnection`](crate::JitsiConnection), with lib-jitsi-meet's
/// keys. Each reads the keys that concern it, so that one object serves both.
///
/// A tree of JSON values. Known keys are checked as they are set, so that the error names the key at the place that
/// set it. Unknown keys of an object are kept and ignored, since callers pass whole `config.js` objects.
///
/// ```
/// let mut options = jitsimeet::Options::new();
/// options.set("serviceUrl", "wss://meet.example.org/xmpp-websocket")?;
/// options.set("hosts.domain", "meet.example.org")?;
///
/// let error = options.set("loginTimeout", "soon").unwrap_err();
/// assert_eq!(error.to_string(), "option `loginTimeout`: expected an integer, got a string");
/// # Ok::<(), jitsimeet::Error>(())
/// ```
///
/// | key | default | meaning |
/// |---|---|---|
/// | `serviceUrl` | required | `ws:` or `wss:` URL of the XMPP WebSocket (RFC 7395), or `http:` or `https:` URL of BOSH (XEP-0124); its query is kept |
/// | `hosts.domain` | required | the XMPP domain |
/// | `hosts.anonymousdomain` | none | the guests' domain, used when there is no token |
/// | `hosts.muc`, `hosts.focus` | `conference.<domain>`, `focus.<domain>` | the components of rooms and of the focus |
/// | `name` | none | the room that connections are for, where `connect` is not given another; added to the query as `room` |
/// | `enableWebsocketResume` | true | stream management (XEP-0198) with resume; BOSH needs none |
/// | `xmppPing.interval` | 10000 | ms of silence after which the server is pinged (XEP-0199); 0 never pings |
/// | `xmppPing.timeout` | 5000 | ms that a ping may go unanswered, longer while much that was sent is unacknowledged |
/// | `xmppPing.threshold` | 2 | unanswered pings in a row that make the link a dead one |
/// | `loginTimeout` | 15000 | ms from the open transport to the established session |
/// | `disconnectTimeout` | 2000 | ms that `disconnect` waits for the server to close its side |
/// | `iqTimeout` | 15000 | ms that `sendIq` waits for the answer |
/// | `httpTimeout` | 10000 | ms for a keep-alive or a conference request over HTTP; for a request of BOSH beyond what the server may keep it, and for trying again after failures |
/// | `websocketKeepAlive` | 60000 | ms between the GETs that keep the client at its shard, plus up to a minute at random; -1 disables; BOSH needs none |
/// | `websocketKeepAliveUrl` | the service URL | where they go; by default without `token` and `previd` |
/// | `conferenceRequestUrl` | none | send the conference request over HTTP, and before connecting where the room is known |
/// | `disableFocus` | false | send no conference request before connecting |
/// | `focusUserJid` | none | the JID of the focus user, for rooms |
/// | `preferVisitor`, `iAmRecorder`, `iAmSipGateway` | false | in the conference request; the last two are not redirected |
/// | `startAudioMuted`, `startVideoMuted` | none | in the conference request, as given |
/// | `analytics.rtcstatsEnabled` | false | in the conference request |
/// | `deploymentInfo.shard`, `deploymentInfo.region` | none | where the deployment has placed this client, until it says so itself |
/// | `testing.enableGracefulReconnect` | false | a changed shard is `shardChangedError` instead of `otherError` |
/// | `mediaFeatures` | false | advertise the features of a client that handles media |
/// | `flags.ssrcRewritingEnabled` | false | one more of them |
/// | `p2pStunServers`, `p2p.stunServers` | none | lists of `{urls, username?, credential?}`, part of `getIceServers()` |
/// | `logs.maxEntries`, `logs.maxBytes` | 500, 65536 | bounds of `getLogs()`; 0 keeps none |
/// | `transport.connectTimeout` | 15000 | ms from the name look-up to the open WebSocket, or to the open connection for BOSH |
/// | `transport.maxStanzaBytes` | 10485760 | a larger frame from the server, or a larger answer of BOSH, ends the session |
/// | `transport.pipelining` | `auto` | log in with as few round trips as the server survives; `off` waits at each step |
/// | `sasl.mechanisms` | all | list of the mechanisms that may be used: `SCRAM-SHA-256`, `SCRAM-SHA-1`, `PLAIN`, `ANONYMOUS` |
/// | `sasl.allowPlainWithoutTls` | false | show the password to a server without TLS that offers nothing better |
/// | `resume.attemptTimeout` | 10000 | ms for each attempt to resume |
/// | `resume.maxElapsed` | the server's | ms after which resuming is given up; never longer than the server keeps the session |
/// | `resume.minDelay`, `resume.maxDelay` | 0, 10000 | bounds of the random delay in ms before an attempt; the first comes within 300 ms |
/// | `reconnect` | off | an object turns it on: a fresh session after a transient failure |
/// | `reconnect.maxAttempts` | no bound | attempts in a row |
/// | `reconnect.baseDelay`, `reconnect.maxDelay` | 1000, 30000 | the random delay in ms doubles from one to the other |
/// | `sendQueue.maxStanzas`, `sendQueue.maxBytes` | 1000, 4194304 | unsent and unacknowledged stanzas; more are refused |
/// | `eventQueue.maxEvents`, `eventQueue.maxBytes` | 10000, 16777216 | events waiting for the listeners; then the server is not read |
/// | `eventQueue.stallTimeout` | 30000 | ms without any progress of the listeners after which the session ends |
/// | `transport.headers` | none | an object: headers for the upgrade and for every request over HTTP |
/// | `transport.proxy` | the environment's | `http:` or `https:` URL of a proxy, with user name and password if it wants them; empty is none. Without it `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count, as for curl |
/// | `tls.caCertificates` | platform roots | PEM text (or a list of them) of the only authorities to trust |
/// | `tls.serverName` | the host of the URL | the name that the server's certificate must be for |
/// | `tls.clientCertificate`, `tls.clientKey` | none | PEM texts of our own certificate, with its chain, and of its key |
/// | `tls.insecureSkipVerify` | false | take every certificate: for tests alone, since anyone in between can then read and change everything |
/// | `workerThreads` | 2 | for `init`: threads that serve all connections of the process |
///
/// The keys of lib-jitsi-meet that only mean something in a browser are accepted and have no effect:
/// `audioLevelsInterval`, `bridgeChannel`, `desktopSharingFrameRate`, `desktopSharingSources`, `disableAudioLevels`,
/// `enableAnalyticsLogging`, `enableWindowOnErrorHandler`, `externalStorage`.
#[derive(Clone, Default, PartialEq)]
pub struct Options {
    tree: Tree,
}

impl Options {
    /// Makes an empty set of options.
    ///
    /// ```
    /// use jitsimeet::Options;
    ///
    /// assert_eq!(Options::new(), Options::from_json("{}")?);
    /// # Ok::<(), jitsimeet::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads options from a JSON object, such as a `config.js` object turned into JSON.
    ///
    /// ```
    /// let options = jitsimeet::Options::from_json(
    ///     r#"{ "serviceUrl": "wss://meet.example.org/xmpp-websocket", "hosts": { "domain": "meet.example.org" } }"#,
    /// )?;
    /// # Ok::<(), jitsimeet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] naming the key; [`Error::InvalidArgument`] if the text is not a JSON object.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let value = parse_json(text)?;
        let mut options = Self::new();
        options.merge(value)?;
        Ok(options)
    }

    /// Sets one option by its path, such as `hosts.domain`. The value replaces what was there; a JSON null removes
    /// it.
    ///
    /// ```
    /// let mut options = jitsimeet::Options::new();
    /// options.set("hosts.domain", "meet.example.org")?;
    /// options.set("sasl.mechanisms", vec!["SCRAM-SHA-256"])?;
    ///
    /// let error = options.set("hosts.domian", "meet.example.org").unwrap_err();
    /// assert_eq!(error.to_string(), "option `hosts.domian`: not known; did you mean `hosts.domain`?");
    /// # Ok::<(), jitsimeet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the path is not known or the value has the wrong type.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) -> Result<(), Error> {
        let value = value.into();
        schema::check_path(path, &value)?;
        let (parents, last) =
            path.rsplit_once('.').map_or((None, path), |(parents, last)| (Some(parents), last));
        let mut object = &mut *self.tree;
        for key in parents.into_iter().flat_map(|parents| parents.split('.')) {
            let child = object.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if !child.is_object() {
                *child = Value::Object(Map::new());
            }
            object = child.as_object_mut().expect("made an object just above");
        }
        let mut old = match value.is_null() {
            true => object.remove(last),
            false => object.insert(last.to_owned(), value),
        };
        old.iter_mut().for_each(wipe);
        Ok(())
    }

    /// Sets one option by its path to a value given as JSON text; the empty path merges an object into the options.
    ///
    /// ```
    /// let mut options = jitsimeet::Options::new();
    /// options.set_json("hosts.domain", r#""meet.example.org""#)?;
    /// options.set_json("", r#"{ "xmppPing": { "interval": 5000 } }"#)?;
    /// # Ok::<(), jitsimeet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set) and [`merge`](Self::merge); [`Error::InvalidArgument`] if the text is not JSON.
    pub fn set_json(&mut self, path: &str, text: &str) -> Result<(), Error> {
        let value = parse_json(text)?;
        if path.is_empty() { self.merge(value) } else { self.set(path, value) }
    }

    /// Merges an object: its keys replace those of the same path, all others stay.
    ///
    /// ```
    /// use jitsimeet::Options;
    /// use serde_json::json;
    ///
    /// let mut options = Options::from_json(r#"{ "hosts": { "domain": "meet.example.org" } }"#)?;
    /// options.merge(json!({ "hosts": { "muc": "rooms.example.org" } }))?;
    /// let both = json!({ "domain": "meet.example.org", "muc": "rooms.example.org" });
    /// assert_eq!(options, Options::from_json(&json!({ "hosts": both }).to_string())?);
    /// # Ok::<(), jitsimeet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] naming the key of a known option whose value has the wrong type;
    /// [`Error::InvalidArgument`] if the value is not an object. The options are unchanged then.
    pub fn merge(&mut self, value: impl Into<Value>) -> Result<(), Error> {
        let Value::Object(object) = value.into() else {
            return Err(Error::InvalidArgument("options: expected an object".to_owned()));
        };
        schema::check_object(&object)?;
        merge_objects(&mut self.tree, object);
        Ok(())
    }

    /// Merges Python-style keywords: names in snake_case, at every level that the table knows.
    ///
    /// ```
    /// use jitsimeet::Options;
    /// use serde_json::{Map, json};
    ///
    /// let mut options = Options::new();
    /// options.merge_keywords(Map::from_iter([("xmpp_ping".to_owned(), json!({ "interval": 5000 }))]))?;
    /// assert_eq!(options, Options::from_json(r#"{ "xmppPing": { "interval": 5000 } }"#)?);
    /// # Ok::<(), jitsimeet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`merge`](Self::merge); an unknown name at the top level is an [`Error::InvalidArgument`], since a keyword,
    /// unlike a key of an object, was written for this call.
    pub fn merge_keywords(&mut self, keywords: Map<String, Value>) -> Result<(), Error> {
        self.merge(schema::from_keywords(keywords)?)
    }

    pub(crate) fn worker_threads(&self) -> Option<usize> {
        self.tree
            .get("workerThreads")
            .and_then(Value::as_u64)
            .and_then(|threads| usize::try_from(threads).ok())
    }

    pub(crate) fn log_level(&self) -> Result<Option<LogLevel>, Error> {
        let Some(name) = self.tree.get("logLevel").and_then(Value::as_str) else { return Ok(None) };
        match LogLevel::from_name(name) {
            Some(level) => Ok(Some(level)),
            None => Err(Error::option("logLevel", "must be trace, debug, info, log, warn, error or off")),
        }
    }

    /// What the engine reads. A thousand connections with the same options share it.
    pub(crate) fn config(&self) -> Result<Arc<Config>, Error> {
        let mut configs = CONFIGS.get().lock().unwrap_or_else(PoisonError::into_inner);
        configs.retain(|(_, config)| config.strong_count() > 0);
        let same = configs.iter().find(|(tree, _)| *tree == self.tree);
        if let Some(config) = same.and_then(|(_, config)| config.upgrade()) {
            return Ok(config);
        }
        let config = Arc::new(Config::from_tree(&self.tree)?);
        if configs.len() < MAX_SHARED {
            configs.push((self.tree.clone(), Arc::downgrade(&config)));
        }
        Ok(config)
    }
}

/// Shows the keys that are set. The values may be secret.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tree.keys()).finish()
    }
}

fn parse_json(text: &str) -> Result<Value, Error> {
    // serde_json's message has a position and never quotes the text.
    serde_json::from_str(text).map_err(|error| Error::InvalidArgument(format!("options: not JSON: {error}")))
}

fn merge_objects(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge_objects(into, from),
            (_, value) => into.insert(key, value).iter_mut().for_each(wipe),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(options: Result<(), Error>) -> String {
        options.unwrap_err().to_string()
    }

    #[test]
    fn connections_with_the_same_options_share_what_is_read_of_them() {
        let mut options = Options::new();
        options.set("serviceUrl", "wss://shared.example/x").unwrap();
        options.set("hosts.domain", "shared.example").unwrap();
        let first = options.config().unwrap();
        assert!(Arc::ptr_eq(&first, &options.clone().config().unwrap()));
        options.set("iqTimeout", 1).unwrap();
        assert!(!Arc::ptr_eq(&first, &options.config().unwrap()));
    }

    #[test]
    fn a_wrong_type_names_the_key_and_never_the_value() {
        let mut options = Options::new();
        let cases = [
            (json!({"serviceUrl": 5}), "option `serviceUrl`: expected a string, got a number"),
            (json!({"hosts": "canary"}), "option `hosts`: expected an object, got a string"),
            (
                json!({"hosts": {"domain": null, "anonymousdomain": ["canary"]}}),
                "option `hosts.anonymousdomain`: expected a string, got a list",
            ),
            (json!({"loginTimeout": 1.5}), "option `loginTimeout`: expected an integer, got a number"),
            (json!({"loginTimeout": -1}), "option `loginTimeout`: must be from 1 to 2147483647"),
            (
                json!({"tls": {"caCertificates": [7]}}),
                "option `tls.caCertificates`: expected a string or a list of strings, got a list",
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(error(options.merge(value)), expected);
        }
        assert_eq!(options, Options::new(), "a refused merge changes nothing");
    }

    #[test]
    fn a_path_that_is_not_known_is_an_error_that_names_its_neighbour() {
        let mut options = Options::new();
        assert_eq!(
            error(options.set("hosts.domian", "meet.example")),
            "option `hosts.domian`: not known; did you mean `hosts.domain`?"
        );
        assert_eq!(error(options.set("", "x")), "option ``: not known");
    }

    #[test]
    fn unknown_keys_of_an_object_are_kept_and_ignored() {
        let mut options = Options::new();
        options.merge(json!({"resolution": 720, "hosts": {"domain": "a", "future": {}}})).unwrap();
        options.set("hosts.domain", "b").unwrap();
        options.merge(json!({"hosts": {"anonymousdomain": "c"}})).unwrap();
        assert_eq!(
            Value::Object(Map::clone(&options.tree)),
            json!({"resolution": 720, "hosts": {"domain": "b", "anonymousdomain": "c", "future": {}}})
        );
    }

    #[test]
    fn keywords_are_snake_case_at_every_level() {
        let mut options = Options::new();
        let keywords = json!({"service_url": "ws://h/", "transport": {"connect_timeout": 5}});
        options.merge_keywords(keywords.as_object().unwrap().clone()).unwrap();
        assert_eq!(
            Value::Object(Map::clone(&options.tree)),
            json!({"serviceUrl": "ws://h/", "transport": {"connectTimeout": 5}})
        );
        let unknown = json!({"servce_url": "ws://h/"});
        assert_eq!(
            error(options.merge_keywords(unknown.as_object().unwrap().clone())),
            "option `servce_url`: not known; did you mean `service_url`?"
        );
    }
}
