//! What the engine reads: the options after validation, with their defaults.

use std::time::Duration;

use jid::DomainPart;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::Error;

/// The options of one connection, checked and complete.
#[derive(Clone)]
pub(crate) struct Config {
    /// With the token in its query: never to be shown.
    pub service_url: Url,
    /// The domain of the stream header.
    pub domain: String,
    pub connect_timeout: Duration,
    pub login_timeout: Duration,
    pub disconnect_timeout: Duration,
    pub max_stanza_bytes: usize,
    pub tls: Tls,
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
    login_timeout: Option<u64>,
    disconnect_timeout: Option<u64>,
    transport: Option<RawTransport>,
    tls: Option<RawTls>,
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

    pub(super) fn from_tree(tree: &Map<String, Value>, token: Option<&str>) -> Result<Self, Error> {
        let raw: Raw = serde_json::from_value(Value::Object(tree.clone()))
            .map_err(|_| Error::Internal("the table of options and its reader disagree".to_owned()))?;
        let hosts = raw.hosts.unwrap_or_default();
        let transport = raw.transport.unwrap_or_default();
        let service_url = service_url(raw.service_url, token)?;
        let domain = domain("hosts.domain", hosts.domain)?;
        let anonymous_domain = match hosts.anonymousdomain {
            Some(name) => Some(self::domain("hosts.anonymousdomain", Some(name))?),
            None => None,
        };
        let milliseconds = |given: Option<u64>, default| Duration::from_millis(given.unwrap_or(default));
        Ok(Self {
            service_url,
            // A guest is who has neither an account nor a token.
            domain: anonymous_domain.filter(|_| token.is_none()).unwrap_or(domain),
            connect_timeout: milliseconds(transport.connect_timeout, 15_000),
            login_timeout: milliseconds(raw.login_timeout, 15_000),
            disconnect_timeout: milliseconds(raw.disconnect_timeout, 2_000),
            max_stanza_bytes: transport.max_stanza_bytes.unwrap_or(10 * 1024 * 1024),
            tls: tls(raw.tls.unwrap_or_default())?,
        })
    }
}

/// The error texts here quote nothing of the URL: its user information and query may be secret.
fn service_url(given: Option<String>, token: Option<&str>) -> Result<Url, Error> {
    const KEY: &str = "serviceUrl";
    let text = given.ok_or_else(|| Error::option(KEY, "required"))?;
    let mut url = Url::parse(&text).map_err(|error| Error::option(KEY, format!("not a URL: {error}")))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        let problem = format!("the scheme must be ws or wss, got {}", url.scheme());
        return Err(Error::option(KEY, problem));
    }
    url.set_fragment(None);
    if let Some(token) = token {
        url.query_pairs_mut().append_pair("token", token);
    }
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
