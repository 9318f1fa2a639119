//! What the engine reads: the options after validation, with their defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use jid::{DomainPart, NodePart};
use rustls::pki_types::ServerName;
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use super::raw::{OneOrMany, Raw, RawIceServer, RawReconnect, RawResume, RawTls};
use crate::hub::Load;
use crate::session::{Backoff, Mechanism};
use crate::{Error, IceServer};

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
    /// Of the caller's, for every request over HTTP; their values may be secret.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// `transport.proxy`; empty is none, whatever the environment says.
    pub proxy: Option<String>,
    pub keep_alive: Option<KeepAlive>,
    pub http_timeout: Duration,
    pub conference: ConferenceOptions,
    pub stun_servers: Vec<IceServer>,
    /// `deploymentInfo`.
    pub shard: Option<String>,
    pub region: Option<String>,
    /// `testing.enableGracefulReconnect`.
    pub graceful_reconnect: bool,
    pub media_features: bool,
    /// `flags.ssrcRewritingEnabled`.
    pub ssrc_rewriting: bool,
    pub logs: LogLimits,
}

/// `websocketKeepAlive`.
#[derive(Clone)]
pub(crate) struct KeepAlive {
    pub interval: Duration,
    pub url: Url,
}

/// What concerns the conference request.
pub(crate) struct ConferenceOptions {
    /// `name`: the room of connections that are not given another.
    pub room: Option<String>,
    /// `hosts.muc`.
    pub muc: String,
    /// `hosts.focus`.
    pub focus: String,
    /// `conferenceRequestUrl`: over HTTP instead of IQ.
    pub url: Option<Url>,
    pub disable_focus: bool,
    /// `focusUserJid`: who the focus is in a room, beside what conference requests tell.
    pub focus_user_jid: Option<String>,
    /// Recorders and gateways are never redirected.
    pub redirects: bool,
    pub prefer_visitor: bool,
    /// `startAudioMuted` and `startVideoMuted`, as given.
    pub start_muted: [Option<String>; 2],
    pub rtcstats: bool,
}

/// `logs`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogLimits {
    pub entries: usize,
    pub bytes: usize,
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
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// PEM texts of the only authorities to trust; `None` is the platform's roots.
    pub ca_certificates: Option<Vec<String>>,
    /// The name that the certificate must be for, in place of that of the service URL.
    pub server_name: Option<String>,
    /// PEM texts of our certificate, with its chain, and of its key.
    pub client: Option<(String, Zeroizing<String>)>,
    pub insecure: bool,
}

impl Config {
    /// The service URL as messages may show it: without user information, query and token.
    pub(crate) fn display_url(&self) -> String {
        let url = &self.service_url;
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
    }

    /// Whether the service URL is one of BOSH, and not of a WebSocket.
    pub(crate) fn uses_bosh(&self) -> bool {
        is_bosh(&self.service_url)
    }

    /// The transport as messages call it.
    pub(crate) fn transport_name(&self) -> &'static str {
        if self.uses_bosh() { "BOSH" } else { "WebSocket" }
    }

    /// Whether the options and the transport allow a mechanism.
    pub(crate) fn allows(&self, mechanism: Mechanism) -> bool {
        let confidential = self.allow_plain_without_tls || is_secure(&self.service_url);
        (mechanism != Mechanism::Plain || confidential)
            && self.mechanisms.as_ref().is_none_or(|allowed| allowed.contains(&mechanism))
    }

    /// The domain of who has no account: a guest is who has no token either.
    pub(crate) fn guest_domain(&self, token: Option<&str>) -> &str {
        self.anonymous_domain.as_deref().filter(|_| token.is_none()).unwrap_or(&self.domain)
    }

    /// The URL to connect to. The modules of a deployment find the room of a session by its query.
    pub(crate) fn url(&self, room: Option<&str>, token: Option<&str>, previd: Option<&str>) -> Url {
        let mut url = self.service_url.clone();
        let room = room.filter(|_| !url.query_pairs().any(|(name, _)| name == "room"));
        for (name, value) in [("room", room), ("token", token), ("previd", previd)] {
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
        let bosh = is_bosh(&service_url);
        let domain = domain("hosts.domain", hosts.domain)?;
        let anonymous_domain = match hosts.anonymousdomain {
            Some(name) => Some(self::domain("hosts.anonymousdomain", Some(name))?),
            None => None,
        };
        let given = |key, name: Option<String>, prefix: &str| match name {
            Some(name) => self::domain(key, Some(name)),
            None => Ok(format!("{prefix}.{domain}")),
        };
        let recorder = raw.i_am_recorder.unwrap_or(false) || raw.i_am_sip_gateway.unwrap_or(false);
        let conference = ConferenceOptions {
            room: raw.name.as_deref().map(|name| room("name", name)).transpose()?,
            muc: given("hosts.muc", hosts.muc, "conference")?,
            focus: given("hosts.focus", hosts.focus, "focus")?,
            url: raw.conference_request_url.map(|url| http_url("conferenceRequestUrl", &url)).transpose()?,
            disable_focus: raw.disable_focus.unwrap_or(false),
            focus_user_jid: raw.focus_user_jid,
            redirects: !recorder,
            prefer_visitor: raw.prefer_visitor.unwrap_or(false),
            start_muted: [raw.start_audio_muted, raw.start_video_muted]
                .map(|value| value.map(|value| value.to_string())),
            rtcstats: raw.analytics.unwrap_or_default().rtcstats_enabled.unwrap_or(false),
        };
        let info = raw.deployment_info.unwrap_or_default();
        let logs = raw.logs.unwrap_or_default();
        let stun = [raw.p2p_stun_servers, raw.p2p.and_then(|p2p| p2p.stun_servers)];
        Ok(Self {
            keep_alive: keep_alive(&service_url, raw.websocket_keep_alive, raw.websocket_keep_alive_url)?,
            http_timeout: milliseconds(raw.http_timeout, 10_000),
            conference,
            stun_servers: stun.into_iter().flatten().flatten().map(ice_server).collect(),
            shard: info.shard,
            region: info.region,
            graceful_reconnect: raw.testing.unwrap_or_default().enable_graceful_reconnect.unwrap_or(false),
            media_features: raw.media_features.unwrap_or(false),
            ssrc_rewriting: raw.flags.unwrap_or_default().ssrc_rewriting_enabled.unwrap_or(false),
            logs: LogLimits {
                entries: logs.max_entries.unwrap_or(500),
                bytes: logs.max_bytes.unwrap_or(64 * 1024),
            },
            service_url,
            domain,
            anonymous_domain,
            connect_timeout: milliseconds(transport.connect_timeout, 15_000),
            login_timeout: milliseconds(raw.login_timeout, 15_000),
            disconnect_timeout: milliseconds(raw.disconnect_timeout, 2_000),
            iq_timeout: milliseconds(raw.iq_timeout, 15_000),
            max_stanza_bytes: transport.max_stanza_bytes.unwrap_or(10 * 1024 * 1024),
            pipelining: pipelining(transport.pipelining.as_deref())?,
            headers: headers(transport.headers.unwrap_or_default())?,
            proxy: transport.proxy.map(proxy).transpose()?,
            // BOSH does the same by itself.
            stream_management: raw.enable_websocket_resume.unwrap_or(true) && !bosh,
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

fn is_bosh(service_url: &Url) -> bool {
    matches!(service_url.scheme(), "http" | "https")
}

fn is_secure(service_url: &Url) -> bool {
    matches!(service_url.scheme(), "wss" | "https")
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
    if !matches!(url.scheme(), "ws" | "wss" | "http" | "https") {
        let problem = format!("the scheme must be ws, wss, http or https, got {}", url.scheme());
        return Err(Error::option(KEY, problem));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Every minute, and not in step with others; -1 turns it off. BOSH has none: it asks again and again by itself.
fn keep_alive(
    service_url: &Url,
    interval: Option<i64>,
    url: Option<String>,
) -> Result<Option<KeepAlive>, Error> {
    let url = match url {
        Some(url) => http_url("websocketKeepAliveUrl", &url)?,
        None => health_url(service_url),
    };
    let interval = interval.unwrap_or(60_000);
    // Only -1 is not a duration.
    let interval = u64::try_from(interval).ok().filter(|_| service_url.scheme().starts_with("ws"));
    Ok(interval.map(|interval| KeepAlive { interval: Duration::from_millis(interval), url }))
}

/// The service URL over HTTP, without what only the WebSocket needs to know.
fn health_url(service_url: &Url) -> Url {
    let scheme = if is_secure(service_url) { "https" } else { "http" };
    let text = service_url.as_str().replacen(service_url.scheme(), scheme, 1);
    // The url crate does not let a setter go from ws to http.
    let mut url = Url::parse(&text).unwrap_or_else(|_| service_url.clone());
    let kept: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| !matches!(&**name, "token" | "previd"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    url
}

/// As with the service URL, the error quotes nothing of it.
fn http_url(key: &str, text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| Error::option(key, format!("not a URL: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(Error::option(key, format!("the scheme must be http or https, got {other}"))),
    }
}

/// A room's name as lib-jitsi-meet has it: in lower case, and usable in a JID.
pub(crate) fn room(key: &str, name: &str) -> Result<String, Error> {
    let name = name.to_lowercase();
    match NodePart::new(&name) {
        Ok(_) => Ok(name),
        Err(error) => Err(Error::option(key, format!("not a room name: {error}"))),
    }
}

fn ice_server(raw: RawIceServer) -> IceServer {
    IceServer { urls: raw.urls.into_vec(), username: raw.username, credential: raw.credential, expires: None }
}

/// Those that the handshake itself is made of are not the caller's to set.
fn headers(given: BTreeMap<String, String>) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    const KEY: &str = "transport.headers";
    let ours = ["host", "connection", "upgrade", "content-length", "transfer-encoding"];
    let mut headers = Vec::new();
    for (name, value) in given {
        let lower = name.to_ascii_lowercase();
        if ours.contains(&lower.as_str()) || lower.starts_with("sec-websocket-") {
            return Err(Error::option(KEY, format!("`{name}` belongs to the protocol and cannot be set")));
        }
        let header = HeaderName::try_from(lower)
            .map_err(|_| Error::option(KEY, format!("`{name}` is not the name of a header")))?;
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| Error::option(KEY, format!("the value of `{name}` cannot be sent")))?;
        value.set_sensitive(true);
        headers.push((header, value));
    }
    Ok(headers)
}

/// As with the service URL, the error quotes nothing of it.
fn proxy(given: String) -> Result<String, Error> {
    if given.is_empty() {
        return Ok(given);
    }
    http_url("transport.proxy", &given).map(|_| given)
}

fn domain(key: &str, given: Option<String>) -> Result<String, Error> {
    let name = given.ok_or_else(|| Error::option(key, "required"))?;
    DomainPart::new(&name).map_err(|error| Error::option(key, format!("not a domain name: {error}")))?;
    Ok(name)
}

fn tls(raw: RawTls) -> Result<Tls, Error> {
    let ca_certificates = raw.ca_certificates.map(OneOrMany::into_vec);
    let client = match (raw.client_certificate, raw.client_key.map(Zeroizing::new)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(Error::option("tls.clientKey", "required with tls.clientCertificate")),
        (None, Some(_)) => return Err(Error::option("tls.clientCertificate", "required with tls.clientKey")),
    };
    if let Some(name) = &raw.server_name {
        ServerName::try_from(name.as_str())
            .map_err(|_| Error::option("tls.serverName", "not a host name or address"))?;
    }
    let insecure = raw.insecure_skip_verify.unwrap_or(false);
    if insecure {
        tracing::warn!(
            "tls.insecureSkipVerify: no certificate is verified, and anyone in between can read and change everything"
        );
    }
    let tls = Tls { ca_certificates, server_name: raw.server_name, client, insecure };
    // Bad PEM is the caller's mistake, to be told at construction and not at the first connection.
    crate::transport::tls::check(&tls)?;
    Ok(tls)
}
