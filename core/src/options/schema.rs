//! The table of options, and the checks that read it.

use serde_json::{Map, Value};

use crate::Error;

/// The type of an option's value.
///
/// ```
/// use jitsimeet::options::{Kind, OPTIONS};
///
/// let threads = OPTIONS.iter().find(|option| option.path == "workerThreads").unwrap();
/// assert_eq!(threads.kind, Kind::Integer { min: 1, max: 256 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// One text or a list of texts.
    Strings,
    /// A list of texts.
    StringList,
    /// A whole number within bounds, both included.
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// An object whose keys stand in the table by themselves.
    Object,
    /// A boolean, or a number of lib-jitsi-meet's (a number of participants) that is passed on as it is.
    BooleanOrInteger,
    /// An object of texts under names of the caller's.
    StringMap,
    /// A list of objects `{urls, username?, credential?}`, as WebRTC takes them.
    IceServers,
    /// Anything: the option means something in a browser only. It is accepted and has no effect.
    NoEffect,
}

/// One row of the table of options.
///
/// ```
/// use jitsimeet::options::{Kind, OPTIONS, OptionSpec};
///
/// let is_flag = |option: &&OptionSpec| option.kind == Kind::Boolean;
/// assert!(OPTIONS.iter().filter(is_flag).any(|option| option.path == "enableWebsocketResume"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionSpec {
    /// The path, such as `hosts.domain`.
    pub path: &'static str,
    /// The type of the value.
    pub kind: Kind,
}

const fn spec(path: &'static str, kind: Kind) -> OptionSpec {
    OptionSpec { path, kind }
}

/// A duration in milliseconds that something waits: never zero, since that could not succeed.
const MILLISECONDS: Kind = Kind::Integer { min: 1, max: i32::MAX as i64 };

/// A duration in milliseconds that may be nothing.
const DELAY: Kind = Kind::Integer { min: 0, max: i32::MAX as i64 };
const COUNT: Kind = Kind::Integer { min: 1, max: i32::MAX as i64 };

/// Every option, of [`init`](crate::init) and of a connection: callers pass one object to both, and each reads what
/// concerns it. `tests/surface.toml` holds the same list.
///
/// ```
/// let paths: Vec<_> = jitsimeet::options::OPTIONS.iter().map(|option| option.path).collect();
/// assert!(paths.contains(&"serviceUrl"));
/// ```
pub const OPTIONS: &[OptionSpec] = &[
    spec("serviceUrl", Kind::String),
    spec("hosts", Kind::Object),
    spec("hosts.domain", Kind::String),
    spec("hosts.anonymousdomain", Kind::String),
    spec("hosts.muc", Kind::String),
    spec("hosts.focus", Kind::String),
    spec("name", Kind::String),
    spec("conferenceRequestUrl", Kind::String),
    spec("disableFocus", Kind::Boolean),
    spec("focusUserJid", Kind::String),
    spec("preferVisitor", Kind::Boolean),
    spec("iAmRecorder", Kind::Boolean),
    spec("iAmSipGateway", Kind::Boolean),
    spec("startAudioMuted", Kind::BooleanOrInteger),
    spec("startVideoMuted", Kind::BooleanOrInteger),
    spec("analytics", Kind::Object),
    spec("analytics.rtcstatsEnabled", Kind::Boolean),
    spec("deploymentInfo", Kind::Object),
    spec("deploymentInfo.shard", Kind::String),
    spec("deploymentInfo.region", Kind::String),
    spec("testing", Kind::Object),
    spec("testing.enableGracefulReconnect", Kind::Boolean),
    spec("flags", Kind::Object),
    spec("flags.ssrcRewritingEnabled", Kind::Boolean),
    spec("mediaFeatures", Kind::Boolean),
    spec("p2pStunServers", Kind::IceServers),
    spec("p2p", Kind::Object),
    spec("p2p.stunServers", Kind::IceServers),
    spec("websocketKeepAlive", Kind::Integer { min: -1, max: i32::MAX as i64 }),
    spec("websocketKeepAliveUrl", Kind::String),
    spec("enableWebsocketResume", Kind::Boolean),
    spec("xmppPing", Kind::Object),
    spec("xmppPing.interval", DELAY),
    spec("xmppPing.timeout", MILLISECONDS),
    spec("xmppPing.threshold", COUNT),
    spec("loginTimeout", MILLISECONDS),
    spec("disconnectTimeout", MILLISECONDS),
    spec("iqTimeout", MILLISECONDS),
    spec("httpTimeout", MILLISECONDS),
    spec("transport", Kind::Object),
    spec("transport.connectTimeout", MILLISECONDS),
    // The lower bound is what RFC 6120, section 13.12 asks every entity to accept.
    spec("transport.maxStanzaBytes", Kind::Integer { min: 10_000, max: i32::MAX as i64 }),
    spec("transport.pipelining", Kind::String),
    spec("transport.headers", Kind::StringMap),
    spec("transport.proxy", Kind::String),
    spec("sasl", Kind::Object),
    spec("sasl.mechanisms", Kind::StringList),
    spec("sasl.allowPlainWithoutTls", Kind::Boolean),
    spec("resume", Kind::Object),
    spec("resume.attemptTimeout", MILLISECONDS),
    spec("resume.maxElapsed", MILLISECONDS),
    spec("resume.minDelay", DELAY),
    spec("resume.maxDelay", DELAY),
    spec("reconnect", Kind::Object),
    spec("reconnect.maxAttempts", COUNT),
    spec("reconnect.baseDelay", DELAY),
    spec("reconnect.maxDelay", DELAY),
    spec("sendQueue", Kind::Object),
    spec("sendQueue.maxStanzas", COUNT),
    spec("sendQueue.maxBytes", COUNT),
    spec("eventQueue", Kind::Object),
    spec("eventQueue.maxEvents", COUNT),
    spec("eventQueue.maxBytes", COUNT),
    spec("eventQueue.stallTimeout", MILLISECONDS),
    spec("logs", Kind::Object),
    spec("logs.maxEntries", DELAY),
    spec("logs.maxBytes", DELAY),
    spec("tls", Kind::Object),
    spec("tls.caCertificates", Kind::Strings),
    spec("tls.serverName", Kind::String),
    spec("tls.clientCertificate", Kind::String),
    spec("tls.clientKey", Kind::String),
    spec("tls.insecureSkipVerify", Kind::Boolean),
    spec("workerThreads", Kind::Integer { min: 1, max: 256 }),
    spec("logLevel", Kind::String),
    spec("audioLevelsInterval", Kind::NoEffect),
    spec("bridgeChannel", Kind::NoEffect),
    spec("desktopSharingFrameRate", Kind::NoEffect),
    spec("desktopSharingSources", Kind::NoEffect),
    spec("disableAudioLevels", Kind::NoEffect),
    spec("enableAnalyticsLogging", Kind::NoEffect),
    spec("enableWindowOnErrorHandler", Kind::NoEffect),
    spec("externalStorage", Kind::NoEffect),
];

/// Checks the value for one path that the caller wrote by hand: it must be known.
pub(super) fn check_path(path: &str, value: &Value) -> Result<(), Error> {
    let Some(spec) = find(path) else {
        return Err(unknown(path, nearest(path).map(ToOwned::to_owned)));
    };
    check_value(spec, value)
}

/// Checks an object of any origin: known keys must have the right type, others are left alone.
pub(super) fn check_object(object: &Map<String, Value>) -> Result<(), Error> {
    check_children("", object)
}

fn check_children(parent: &str, object: &Map<String, Value>) -> Result<(), Error> {
    for (key, value) in object {
        let path = join(parent, key);
        match find(&path) {
            Some(spec) => check_value(spec, value)?,
            None => {
                let nearest = nearest(&path);
                tracing::debug!(key = path, nearest, "an option that is not known is ignored");
            }
        }
    }
    Ok(())
}

/// A null is an option that is not given, as lib-jitsi-meet's callers write it.
fn check_value(spec: &OptionSpec, value: &Value) -> Result<(), Error> {
    if value.is_null() {
        return Ok(());
    }
    let wrong =
        |expected| Err(Error::option(spec.path, format!("expected {expected}, got {}", describe(value))));
    match (spec.kind, value) {
        (Kind::NoEffect, _) => {
            tracing::debug!(
                key = spec.path,
                "an option that only means something in a browser has no effect"
            );
            Ok(())
        }
        (Kind::String | Kind::Strings, Value::String(_)) => Ok(()),
        (Kind::String, _) => wrong("a string"),
        (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Boolean, _) => wrong("a boolean"),
        (Kind::StringList, Value::Array(items)) if items.iter().all(Value::is_string) => Ok(()),
        (Kind::StringList, _) => wrong("a list of strings"),
        (Kind::Strings, Value::Array(items)) if items.iter().all(Value::is_string) => Ok(()),
        (Kind::Strings, _) => wrong("a string or a list of strings"),
        (Kind::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
            Some(number) if (min..=max).contains(&number) => Ok(()),
            None if number.is_f64() => wrong("an integer"),
            _ => Err(Error::option(spec.path, format!("must be from {min} to {max}"))),
        },
        (Kind::Integer { .. }, _) => wrong("an integer"),
        (Kind::BooleanOrInteger, Value::Bool(_)) => Ok(()),
        (Kind::BooleanOrInteger, Value::Number(number)) if number.as_i64().is_some() => Ok(()),
        (Kind::BooleanOrInteger, _) => wrong("a boolean or an integer"),
        (Kind::StringMap, Value::Object(object)) if object.values().all(Value::is_string) => Ok(()),
        (Kind::StringMap, _) => wrong("an object of strings"),
        (Kind::IceServers, Value::Array(items)) => items.iter().try_for_each(|item| match item {
            Value::Object(server) if is_ice_server(server) => Ok(()),
            _ => wrong("a list of objects `{urls, username?, credential?}`"),
        }),
        (Kind::IceServers, _) => wrong("a list of objects `{urls, username?, credential?}`"),
        (Kind::Object, Value::Object(object)) => check_children(spec.path, object),
        (Kind::Object, _) => wrong("an object"),
    }
}

/// `{urls, username?, credential?}`, as WebRTC has it.
fn is_ice_server(server: &Map<String, Value>) -> bool {
    let urls = match server.get("urls") {
        Some(Value::String(_)) => true,
        Some(Value::Array(items)) => !items.is_empty() && items.iter().all(Value::is_string),
        _ => false,
    };
    let optional = |name| server.get(name).is_none_or(|value| value.is_string() || value.is_null());
    urls && optional("username") && optional("credential")
}

/// Gives keywords in snake_case the names of the table.
pub(super) fn from_keywords(keywords: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let mut object = Map::new();
    for (keyword, value) in keywords {
        let name = camel_case(&keyword);
        // A keyword has one spelling: serviceUrl= is as unknown as a misspelt one.
        if find(&name).is_none() || snake_case(&name) != keyword {
            return Err(Error::InvalidArgument(
                unknown(&keyword, nearest(&name).map(snake_case)).to_string(),
            ));
        }
        let value = rename_children(&name, value);
        object.insert(name, value);
    }
    Ok(object)
}

fn rename_children(parent: &str, value: Value) -> Value {
    let Value::Object(object) = value else { return value };
    let rename = |(key, value): (String, Value)| {
        let camel = camel_case(&key);
        let path = join(parent, &camel);
        if find(&path).is_some() { (camel, rename_children(&path, value)) } else { (key, value) }
    };
    Value::Object(object.into_iter().map(rename).collect())
}

fn find(path: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|spec| spec.path == path)
}

fn nearest(path: &str) -> Option<&'static str> {
    OPTIONS
        .iter()
        .map(|spec| (strsim::normalized_damerau_levenshtein(path, spec.path), spec.path))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, path)| path)
}

fn unknown(path: &str, nearest: Option<String>) -> Error {
    let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
    Error::option(path, format!("not known{hint}"))
}

fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

fn camel_case(snake: &str) -> String {
    let mut camel = String::with_capacity(snake.len());
    let mut upper = false;
    for character in snake.chars() {
        if character == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.extend(character.to_uppercase());
        } else {
            camel.push(character);
        }
    }
    camel
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for character in camel.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
            snake.push(character.to_ascii_lowercase());
        } else {
            snake.push(character);
        }
    }
    snake
}

const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
