//! Every way a session fails, each with its error type, its code and a sentence that a person can act on.

use std::time::Duration;

use super::credentials::{Credentials, Mechanism};
use super::management::BadCount;
use super::scram::ScramError;
use crate::options::Config;
use crate::transport::TransportError;
use crate::xml::{Element, XmlError, condition_and_text, ns};
use crate::{Code, ErrorType, Failure};

pub(super) fn transport(config: &Config, error: TransportError, established: bool) -> Failure {
    use TransportError as E;
    let url = config.display_url();
    let other = |code, message| Failure::new(ErrorType::OtherError, code, message);
    match error {
        E::Dns { host, reason } => other(
            Code::Dns,
            format!("cannot connect to {url}: the name {host} could not be resolved ({reason}). Check serviceUrl and the name servers."),
        )
        .transient(),
        E::Refused { address } => other(
            Code::Refused,
            format!("cannot connect to {url}: {address} refused the connection. Check that the server runs and that the port is right."),
        )
        .transient(),
        E::Unreachable { address, reason } => other(
            Code::Unreachable,
            format!("cannot connect to {url}: {address} cannot be reached ({reason}). Check the network and the firewall."),
        )
        .transient(),
        E::TlsCertificate { reason } => other(
            Code::TlsCertificate,
            format!("cannot connect to {url}: the server's certificate was not accepted: {reason}"),
        ),
        E::TlsHandshake { reason } => other(
            Code::TlsHandshake,
            format!("cannot connect to {url}: the TLS handshake failed: {reason}"),
        ),
        E::Proxy { proxy, reason, transient } => Failure {
            transient,
            ..other(
                Code::Proxy,
                format!("cannot connect to {url}: the proxy {proxy} could not be used: {reason}. Check transport.proxy, and HTTPS_PROXY and NO_PROXY of the environment."),
            )
        },
        E::HttpStatus { status } => {
            let server_error = status >= 500;
            let error_type = if server_error { ErrorType::ServerError } else { ErrorType::OtherError };
            let asked = if config.uses_bosh() { "" } else { " the WebSocket upgrade" };
            let message = format!(
                "cannot connect to {url}: the server answered{asked} with HTTP {status}. Check the path of serviceUrl{}.",
                if server_error { " and the server's own log" } else { "" }
            );
            let failure = Failure::new(error_type, Code::HttpStatus, message);
            let failure = Failure { http_status: Some(status), ..failure };
            if server_error { failure.transient() } else { failure }
        }
        E::NotWebsocket { reason } => other(
            Code::NotWebsocket,
            format!("cannot connect to {url}: what answers there does not speak WebSocket ({reason}). Check the port and the path of serviceUrl."),
        ),
        E::BadSubprotocol => other(
            Code::BadSubprotocol,
            format!("cannot connect to {url}: the server did not accept the WebSocket subprotocol \"xmpp\" (RFC 7395). Check the path of serviceUrl."),
        ),
        E::TooLarge { limit } => broken(
            Code::StanzaTooLarge,
            format!("{url} sent a frame of more than {limit} bytes. Raise transport.maxStanzaBytes if that is expected."),
        ),
        E::NotBosh { reason } => other(
            Code::NotBosh,
            format!("cannot connect to {url}: what answers there does not speak BOSH ({reason}). Check the port and the path of serviceUrl."),
        ),
        E::Malformed(error) => malformed(config, error),
        E::Terminated { condition, status } => terminated(config, condition, status, established),
        E::GivingUp { attempts, patience, reason } => Failure::new(
            lost_type(established),
            Code::GivingUp,
            format!("gave up to reach {url} after {attempts} attempts in {} ms (httpTimeout), the last of which failed: {reason}. Check the network, serviceUrl, and that the server runs.", patience.as_millis()),
        )
        .transient(),
        E::BadFrame { reason } => {
            broken(Code::ProtocolViolation, format!("{url} broke the {} protocol: {reason}.", config.transport_name()))
        }
        E::Lost { reason } => Failure::new(
            lost_type(established),
            Code::ConnectionLost,
            format!("the connection to {url} was lost: {reason}."),
        )
        .transient(),
        E::Closed => closed(config, established),
        // Of requests over HTTP alone, which fail in their own words.
        error @ (E::NotHttp { .. } | E::Timeout { .. }) => {
            other(Code::ConnectionLost, format!("cannot connect to {url}: {error}."))
        }
    }
}

/// The end of a BOSH session (XEP-0124, section 17).
fn terminated(
    config: &Config,
    condition: Option<String>,
    http_status: Option<u16>,
    established: bool,
) -> Failure {
    let (url, said) = (config.display_url(), said(condition.as_deref(), None));
    let hint = match condition.as_deref() {
        Some("item-not-found") => " It does not know the session, or no longer.",
        Some("host-unknown" | "improper-addressing") => " Check hosts.domain.",
        _ => "",
    };
    let message = format!("{url} ended the BOSH session for {}: {said}.{hint}", config.domain);
    let passing = ["internal-server-error", "remote-connection-failed", "system-shutdown"];
    // Of a session that was there, it says that the server has forgotten it: a fresh one is as good as before.
    let forgotten = established && condition.as_deref() == Some("item-not-found");
    let transient = forgotten || condition.as_deref().is_some_and(|condition| passing.contains(&condition));
    let failure = Failure::new(lost_type(established), Code::StreamError, message);
    Failure { condition, http_status, transient, ..failure }
}

pub(super) fn connect_timeout(config: &Config, patience: Duration, option: &str) -> Failure {
    let (url, ms) = (config.display_url(), patience.as_millis());
    let message = format!(
        "cannot connect to {url}: the {} was not open within {ms} ms ({option}). Check that the address is right and that the server answers.",
        if config.uses_bosh() { "connection" } else { "WebSocket" }
    );
    Failure::new(ErrorType::OtherError, Code::TimeoutConnect, message).transient()
}

pub(super) fn login_timeout(config: &Config, waiting_for: &str, patience: Duration, option: &str) -> Failure {
    let (url, ms) = (config.display_url(), patience.as_millis());
    let message = format!(
        "cannot log in to {} at {url}: {waiting_for} did not come within {ms} ms ({option}). Check that the server is well.",
        config.domain
    );
    Failure::new(ErrorType::OtherError, Code::TimeoutLogin, message).transient()
}

pub(super) fn malformed(config: &Config, error: XmlError) -> Failure {
    broken(Code::MalformedXml, format!("{} sent a frame that is not XMPP: {error}.", config.display_url()))
}

pub(super) fn unexpected(config: &Config, element: &Element<'_>, expected: &str) -> Failure {
    let name = excerpt(&element.name);
    broken(
        Code::ProtocolViolation,
        format!("{} sent <{name}/> where {expected} was expected.", config.display_url()),
    )
}

pub(super) fn no_bind(config: &Config) -> Failure {
    broken(
        Code::ProtocolViolation,
        format!("{} offers no resource binding (RFC 6120, section 7).", config.display_url()),
    )
}

pub(super) fn closed(config: &Config, established: bool) -> Failure {
    let message = format!("{} closed the connection without saying why.", config.display_url());
    Failure::new(lost_type(established), Code::ClosedByServer, message).transient()
}

pub(super) fn stream_error(config: &Config, error: &Element<'_>, established: bool) -> Failure {
    let (condition, text) = condition_and_text(error, ns::STREAM_ERRORS);
    let said = said(condition.as_deref(), text.as_deref());
    let message = format!("{} ended the stream for {}: {said}.", config.display_url(), config.domain);
    let failure = Failure::new(lost_type(established), Code::StreamError, message);
    // What the server says of itself passes; what it says of us (RFC 6120, section 4.9.3) will be said again.
    let passing = [
        "connection-timeout",
        "internal-server-error",
        "remote-connection-failed",
        "reset",
        "resource-constraint",
        "system-shutdown",
    ];
    let transient = condition.as_deref().is_some_and(|condition| passing.contains(&condition));
    Failure { condition, server_text: text, transient, ..failure }
}

pub(super) fn sasl(config: &Config, credentials: &Credentials, failure: &Element<'_>) -> Failure {
    let (condition, text) = condition_and_text(failure, ns::SASL);
    let said = said(condition.as_deref(), text.as_deref());
    let (who, hint) = match credentials {
        Credentials::Anonymous { .. } => {
            ("the anonymous login".to_owned(), "The deployment may want a token or an account.")
        }
        Credentials::Account(account) => {
            (format!("the login of {}", account.username), "Check the id and the password.")
        }
    };
    let message =
        format!("{} refused {who} to {}: {said}. {hint}", config.display_url(), credentials.domain());
    let transient = condition.as_deref() == Some("temporary-auth-failure");
    let failure = Failure::new(ErrorType::PasswordRequired, Code::SaslFailure, message);
    Failure { condition, server_text: text, transient, ..failure }
}

pub(super) fn no_mechanism(config: &Config, credentials: &Credentials, offered: &[Mechanism]) -> Failure {
    let offered: Vec<_> = offered.iter().map(|mechanism| mechanism.name()).collect();
    let offered =
        if offered.is_empty() { "none that this client speaks".to_owned() } else { offered.join(", ") };
    let (url, domain) = (config.display_url(), credentials.domain());
    let message = match credentials {
        Credentials::Anonymous { .. } => format!(
            "{url} lets nobody in to {domain} without credentials: it does not offer ANONYMOUS (offered: {offered}). Check hosts.domain and hosts.anonymousdomain."
        ),
        Credentials::Account(_) => format!(
            "{url} offers no mechanism for accounts of {domain} that may be used here (offered: {offered}). PLAIN needs TLS or sasl.allowPlainWithoutTls; sasl.mechanisms may exclude the others."
        ),
    };
    Failure::new(ErrorType::PasswordRequired, Code::NoMechanism, message)
}

pub(super) fn scram(config: &Config, error: ScramError) -> Failure {
    let url = config.display_url();
    let message = format!("{url} did not complete the SCRAM exchange: {error}.");
    Failure::new(ErrorType::PasswordRequired, Code::ServerNotAuthenticated, message)
}

pub(super) fn dead(config: &Config, pings: u32) -> Failure {
    let message = format!("{} has not answered {pings} pings: the link is dead.", config.display_url());
    Failure::new(ErrorType::DroppedError, Code::PingTimeout, message).transient()
}

/// The session is there and the links to it work, and yet the server does nothing with what it is sent.
pub(super) fn deaf(config: &Config) -> Failure {
    let message = format!(
        "{} has resumed the session again and again and handled nothing of what it was sent: the session is given up.",
        config.display_url()
    );
    Failure::new(ErrorType::DroppedError, Code::PingTimeout, message).transient()
}

pub(super) fn stalled(patience: Duration) -> Failure {
    let message = format!(
        "the listeners took no event for {} ms (eventQueue.stallTimeout) while the queue was full: what waited in it is discarded.",
        patience.as_millis()
    );
    Failure::new(ErrorType::DroppedError, Code::ListenerStalled, message)
}

pub(super) fn resume_refused(config: &Config, condition: Option<String>, text: Option<String>) -> Failure {
    let said = said(condition.as_deref(), text.as_deref());
    let message =
        format!("{} no longer has the session that was to be resumed: {said}.", config.display_url());
    let failure = Failure::new(ErrorType::DroppedError, Code::ResumeRefused, message).transient();
    Failure { condition, server_text: text, ..failure }
}

pub(super) fn resume_timeout(config: &Config, attempts: u32) -> Failure {
    let message = format!(
        "the session could not be resumed at {} in {attempts} attempts within the time that the server keeps it.",
        config.display_url()
    );
    Failure::new(ErrorType::DroppedError, Code::ResumeTimeout, message).transient()
}

pub(super) fn bad_count(config: &Config, bad: BadCount) -> Failure {
    let url = config.display_url();
    match bad {
        BadCount::TooHigh { sent } => broken(
            Code::OverAcknowledged,
            format!("{url} acknowledged more stanzas than the {sent} that were sent (XEP-0198, section 4)."),
        ),
        BadCount::Backwards => broken(
            Code::ProtocolViolation,
            format!("{url} acknowledged fewer stanzas than it had before (XEP-0198, section 4)."),
        ),
    }
}

pub(super) fn bind_refused(config: &Config, answer: &Element<'_>) -> Failure {
    let error = answer.child("error", ns::CLIENT);
    let (condition, text) = error.map_or((None, None), |error| condition_and_text(error, ns::STANZA_ERRORS));
    let said = said(condition.as_deref(), text.as_deref());
    let message =
        format!("{} refused to bind a resource at {}: {said}.", config.display_url(), config.domain);
    // RFC 6120, section 8.3.2: `wait` is the server's word for "later".
    let transient = error.and_then(|error| error.attribute("type")) == Some("wait");
    let failure = Failure::new(ErrorType::OtherError, Code::BindRefused, message);
    Failure { condition, server_text: text, transient, ..failure }
}

pub(super) fn token_expired(config: &Config) -> Failure {
    let message = format!(
        "the token for {} had expired and no new one was given with refreshToken while the session could be taken up again.",
        config.display_url()
    );
    Failure::new(ErrorType::DroppedError, Code::TokenExpired, message)
}

pub(super) fn shard_changed(config: &Config) -> Failure {
    let error_type =
        if config.graceful_reconnect { ErrorType::ShardChangedError } else { ErrorType::OtherError };
    let message = format!(
        "the deployment at {} has moved this client to another shard: connect again.",
        config.display_url()
    );
    let failure = Failure::new(error_type, Code::ShardChanged, message).transient();
    Failure { shard_changed: Some(true), ..failure }
}

/// A failure by what the peer sent is final: the same would come again.
fn broken(code: Code, message: String) -> Failure {
    Failure::new(ErrorType::DroppedError, code, message)
}

/// Only a session that was established can be dropped.
const fn lost_type(established: bool) -> ErrorType {
    if established { ErrorType::DroppedError } else { ErrorType::OtherError }
}

pub(super) fn said(condition: Option<&str>, text: Option<&str>) -> String {
    match (condition, text) {
        (Some(condition), Some(text)) => format!("{} ({})", excerpt(condition), excerpt(text)),
        (Some(condition), None) => excerpt(condition),
        (None, Some(text)) => excerpt(text),
        (None, None) => "no reason given".to_owned(),
    }
}

/// What a peer sent, short enough for a message.
fn excerpt(text: &str) -> String {
    const MAX: usize = 200;
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
