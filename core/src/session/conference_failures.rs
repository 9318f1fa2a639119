//! Every way a conference request fails.

use super::failures::said;
use crate::options::Config;
use crate::transport::TransportError;
use crate::{Code, ErrorType, Failure};

pub(super) fn conference_transport(config: &Config, error: TransportError) -> Failure {
    failed(format!("the conference request to {} was not answered: {error}.", place(config))).transient()
}

pub(super) fn conference_timeout(config: &Config) -> Failure {
    failed(format!("the conference request to {} was not answered in time (iqTimeout).", place(config)))
        .transient()
}

pub(super) fn conference_status(config: &Config, status: u16) -> Failure {
    let hint = match status {
        300..=399 => "A redirection is not followed: check conferenceRequestUrl.",
        401 | 403 => "The deployment may want a token or an account.",
        400..=499 => "Check conferenceRequestUrl.",
        _ => "Check the server's own log.",
    };
    let message = format!("{} answered the conference request with HTTP {status}. {hint}", place(config));
    let condition = (status == 403).then(|| "not-authorized".to_owned());
    let failure = Failure { http_status: Some(status), condition, ..failed(message) };
    if status >= 500 { failure.transient() } else { failure }
}

pub(super) fn conference_refused(
    config: &Config,
    condition: Option<String>,
    text: Option<String>,
) -> Failure {
    let said = said(condition.as_deref(), text.as_deref());
    let hint = match condition.as_deref() {
        Some("not-authorized") => " The deployment may want a token or an account.",
        Some("service-unavailable" | "remote-server-not-found") => " Check hosts.focus.",
        _ => "",
    };
    let message = format!("{} refused the conference request: {said}.{hint}", place(config));
    Failure { condition, server_text: text, ..failed(message) }
}

/// Its code is the HTTP status of the reservation system.
pub(super) fn reservation(config: &Config, code: Option<&str>, text: Option<String>) -> Failure {
    let said = said(code, text.as_deref());
    let message = format!("the reservation system of {} refused the conference: {said}.", place(config));
    let http_status = code.and_then(|code| code.parse().ok());
    let condition = Some("reservation-error".to_owned());
    Failure { condition, http_status, server_text: text, ..failed(message) }
}

pub(super) fn conference_session(config: &Config) -> Failure {
    let message = format!("{} refused every session that the conference request began.", place(config));
    Failure { condition: Some("session-invalid".to_owned()), ..failed(message) }
}

pub(super) fn conference_unusable(config: &Config, problem: &str) -> Failure {
    failed(format!("the answer of {} to the conference request cannot be used: {problem}.", place(config)))
}

pub(super) fn not_live(config: &Config, room: &str) -> Failure {
    let message = format!("the conference {room} is not live, says {}.", place(config));
    Failure::new(ErrorType::NotLiveError, Code::ConferenceRequest, message)
}

fn failed(message: String) -> Failure {
    Failure::new(ErrorType::ConferenceRequestFailed, Code::ConferenceRequest, message)
}

/// Where it went, without user information and query.
fn place(config: &Config) -> String {
    match &config.conference.url {
        Some(url) => {
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
        }
        None => config.conference.focus.clone(),
    }
}
