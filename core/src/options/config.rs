//! What the engine reads: the options after validation, with their defaults.

use std::time::Duration;

use jid::DomainPart;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::Error;
use crate::hub::Load;
use crate::session::{Backoff, Mechanism};

/// The options of one connection, checked and complete.
pub(crate) struct Config {
    /// As given, without the token.
    pub service_url: Url,
    pub domain: String,
    anonymous_domain: Option<String>,
    pub connect_timeout: Duration,
    pub login_timeout: Duration,
    pub disconnect_timeout: Duration,
    pub iq_timeout: Duration,
    pub max_stanza_bytes: usize,
    pub pipelining: bool,
    pub stream_management: bool,
    pub ping: Ping,
    pub resume: Resume,
    pub reconnect: Option<Reconnect>,
    pub send_queue: SendQueue,
    pub event_queue: EventQueue,
    mechanisms: Option<Vec<Mechanism>>,
    allow_plain_without_tls: bool,
    pub tls: Tls,
}

/// `xmppPing`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ping {
    /// Zero disables.
    pub interval: Duration,
    pub timeout: Duration,
    pub threshold: u32,
}

/// `resume`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resume {
    pub attempt_timeout: Duration,
    /// `None` is what the server grants.
    pub max_elapsed: Option<Duration>,
    pub backoff: Backoff,
}

/// `reconnect`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reconnect {
    /// `None` is without end.
    pub max_attempts: Option<u32>,
    pub backoff: Backoff,
}

/// `sendQueue`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendQueue {
    pub max_stanzas: usize,
    pub max_bytes: usize,
}

/// `eventQueue`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventQueue {
    pub limits: Load,
    pub stall_timeout: Duration,
}

/// What decides the TLS client configuration. Connections with equal values share one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// PEM texts of the only authorities to trust; `None` is the platform's roots.
    pub ca_certificates: Option<Vec<String>>,
}

/// The tree as serde sees it. The table has checked every type before, so that a mismatch here is our own defect.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    service_url: Option<String>,
    hosts: Option<RawHosts>,
    enable_websocket_resume: Option<bool>,
    xmpp_ping: Option<RawPing>,
    login_timeout: Option<u64>,
    disconnect_timeout: Option<u64>,
    iq_timeout: Option<u64>,
    transport: Option<RawTransport>,
    sasl: Option<RawSasl>,
    resume: Option<RawResume>,
    reconnect: Option<RawReconnect>,
    send_queue: Option<RawSendQueue>,
    event_queue: Option<RawEventQueue>,
    tls: Option<RawTls>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawEventQueue {
    max_events: Option<usize>,
    max_bytes: Option<usize>,
    stall_timeout: Option<u64>,
}

#[derive(Deserialize, Default)]
struct RawPing {
    interval: Option<u64>,
    timeout: Option<u64>,
    threshold: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawSasl {
    mechanisms: Option<Vec<String>>,
    allow_plain_without_tls: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawResume {
    attempt_timeout: Option<u64>,
    max_elapsed: Option<u64>,
    min_delay: Option<u64>,
    max_delay: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawReconnect {
    max_attempts: Option<u32>,
    base_delay: Option<u64>,
    max_delay: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawSendQueue {
    max_stanzas: Option<usize>,
    max_bytes: Option<usize>,
}

#[derive(Deserialize, Default)]
struct RawHosts {
    domain: Option<String>,
    anonymousdomain: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawTransport {
    connect_timeout: Option<u64>,
    max_stanza_bytes: Option<usize>,
    pipelining: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawTls {
    ca_certificates: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Config {
    /// The service URL as messages may show it: without user information, query and token.
    pub(crate) fn display_url(&self) -> String {
        let url = &self.service_url;
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
    }

    /// Whether the options and the transport allow a mechanism.
    pub(crate) fn allows(&self, mechanism: Mechanism) -> bool {
        let confidential = self.allow_plain_without_tls || self.service_url.scheme() == "wss";
        (mechanism != Mechanism::Plain || confidential)
            && self.mechanisms.as_ref().is_none_or(|allowed| allowed.contains(&mechanism))
    }

    /// The domain of who has no account: a guest is who has no token either.
    pub(crate) fn guest_domain(&self, token: Option<&str>) -> &str {
        self.anonymous_domain.as_deref().filter(|_| token.is_none()).unwrap_or(&self.domain)
    }

    /// The URL to connect to.
    pub(crate) fn url(&self, token: Option<&str>, previd: Option<&str>) -> Url {
        let mut url = self.service_url.clone();
        for (name, value) in [("token", token), ("previd", previd)] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        url
    }

    pub(super) fn from_tree(tree: &Map<String, Value>) -> Result<Self, Error> {
        let raw: Raw = serde_json::from_value(Value::Object(tree.clone()))
            .map_err(|_| Error::Internal("the table of options and its reader disagree".to_owned()))?;
        let hosts = raw.hosts.unwrap_or_default();
        let transport = raw.transport.unwrap_or_default();
        let sasl = raw.sasl.unwrap_or_default();
        let ping = raw.xmpp_ping.unwrap_or_default();
        let send_queue = raw.send_queue.unwrap_or_default();
        let event_queue = raw.event_queue.unwrap_or_default();
        let service_url = service_url(raw.service_url)?;
        let domain = domain("hosts.domain", hosts.domain)?;
        let anonymous_domain = match hosts.anonymousdomain {
            Some(name) => Some(self::domain("hosts.anonymousdomain", Some(name))?),
            None => None,
        };
        Ok(Self {
            service_url,
            domain,
            anonymous_domain,
            connect_timeout: milliseconds(transport.connect_timeout, 15_000),
            login_timeout: milliseconds(raw.login_timeout, 15_000),
            disconnect_timeout: milliseconds(raw.disconnect_timeout, 2_000),
            iq_timeout: milliseconds(raw.iq_timeout, 15_000),
            max_stanza_bytes: transport.max_stanza_bytes.unwrap_or(10 * 1024 * 1024),
            pipelining: pipelining(transport.pipelining.as_deref())?,
            stream_management: raw.enable_websocket_resume.unwrap_or(true),
            ping: Ping {
                interval: milliseconds(ping.interval, 10_000),
                timeout: milliseconds(ping.timeout, 5_000),
                threshold: ping.threshold.unwrap_or(2),
            },
            resume: resume(&raw.resume.unwrap_or_default())?,
            reconnect: raw.reconnect.as_ref().map(reconnect).transpose()?,
            send_queue: SendQueue {
                max_stanzas: send_queue.max_stanzas.unwrap_or(1_000),
                max_bytes: send_queue.max_bytes.unwrap_or(4 * 1024 * 1024),
            },
            event_queue: EventQueue {
                limits: Load {
                    events: event_queue.max_events.unwrap_or(10_000),
                    bytes: event_queue.max_bytes.unwrap_or(16 * 1024 * 1024),
                },
                stall_timeout: milliseconds(event_queue.stall_timeout, 30_000),
            },
            mechanisms: sasl.mechanisms.map(|names| mechanisms(&names)).transpose()?,
            allow_plain_without_tls: sasl.allow_plain_without_tls.unwrap_or(false),
            tls: tls(raw.tls.unwrap_or_default())?,
        })
    }
}

fn milliseconds(given: Option<u64>, default: u64) -> Duration {
    Duration::from_millis(given.unwrap_or(default))
}

fn pipelining(given: Option<&str>) -> Result<bool, Error> {
    match given {
        None | Some("auto") => Ok(true),
        Some("off") => Ok(false),
        Some(_) => Err(Error::option("transport.pipelining", "must be `auto` or `off`")),
    }
}

fn mechanisms(names: &[String]) -> Result<Vec<Mechanism>, Error> {
    const KEY: &str = "sasl.mechanisms";
    if names.is_empty() {
        return Err(Error::option(KEY, "must name at least one mechanism"));
    }
    let known = |name: &String| {
        Mechanism::from_name(name)
            .ok_or_else(|| Error::option(KEY, "must be of ANONYMOUS, PLAIN, SCRAM-SHA-1 and SCRAM-SHA-256"))
    };
    names.iter().map(known).collect()
}

fn resume(raw: &RawResume) -> Result<Resume, Error> {
    let (floor, ceiling) = (milliseconds(raw.min_delay, 0), milliseconds(raw.max_delay, 10_000));
    if floor > ceiling {
        return Err(Error::option("resume.minDelay", "must not be more than resume.maxDelay"));
    }
    Ok(Resume {
        attempt_timeout: milliseconds(raw.attempt_timeout, 10_000),
        max_elapsed: raw.max_elapsed.map(Duration::from_millis),
        backoff: Backoff { floor, base: Duration::from_secs(1), ceiling },
    })
}

fn reconnect(raw: &RawReconnect) -> Result<Reconnect, Error> {
    let (base, ceiling) = (milliseconds(raw.base_delay, 1_000), milliseconds(raw.max_delay, 30_000));
    if base > ceiling {
        return Err(Error::option("reconnect.baseDelay", "must not be more than reconnect.maxDelay"));
    }
    Ok(Reconnect {
        max_attempts: raw.max_attempts,
        backoff: Backoff { floor: Duration::ZERO, base, ceiling },
    })
}

/// The error texts here quote nothing of the URL: its user information and query may be secret.
fn service_url(given: Option<String>) -> Result<Url, Error> {
    const KEY: &str = "serviceUrl";
    let text = given.ok_or_else(|| Error::option(KEY, "required"))?;
    let mut url = Url::parse(&text).map_err(|error| Error::option(KEY, format!("not a URL: {error}")))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        let problem = format!("the scheme must be ws or wss, got {}", url.scheme());
        return Err(Error::option(KEY, problem));
    }
    url.set_fragment(None);
    Ok(url)
}

fn domain(key: &str, given: Option<String>) -> Result<String, Error> {
    let name = given.ok_or_else(|| Error::option(key, "required"))?;
    DomainPart::new(&name).map_err(|error| Error::option(key, format!("not a domain name: {error}")))?;
    Ok(name)
}

fn tls(raw: RawTls) -> Result<Tls, Error> {
    let ca_certificates = raw.ca_certificates.map(|given| match given {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    });
    let tls = Tls { ca_certificates };
    // Bad PEM is the caller's mistake, to be told at construction and not at the first connection.
    crate::transport::tls::check(&tls)?;
    Ok(tls)
}
