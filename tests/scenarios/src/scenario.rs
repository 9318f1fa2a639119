//! The files, as the README describes them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jitsimeet_testserver::{ConferenceAnswer, Deployment, Faults, JoinAnswer, RoomCommand, RoomSettings};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Failure;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// That of the file, without its extension.
    #[serde(skip)]
    pub(crate) name: String,
    #[expect(dead_code, reason = "for readers")]
    about: String,
    pub(crate) servers: Vec<Place>,
    #[serde(default)]
    pub(crate) account: bool,
    pub(crate) token: Option<String>,
    #[serde(default)]
    pub(crate) transport: Transport,
    #[serde(default)]
    pub(crate) options: Map<String, Value>,
    #[serde(default)]
    pub(crate) server: ServerSetup,
    /// What goes over the wire and must not be shown.
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// A server to play against.
#[derive(Deserialize, ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// `tests/server`, one for each scenario.
    Embedded,
    /// A real Prosody for all scenarios.
    Prosody,
    /// A real ejabberd for all scenarios.
    Ejabberd,
}

/// What carries the stream.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transport {
    #[default]
    Websocket,
    Bosh,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSetup {
    #[serde(default)]
    pub(crate) tokens: bool,
    #[serde(default)]
    pub(crate) plain: bool,
    #[serde(default)]
    pub(crate) faults: Faults,
    #[serde(default)]
    pub(crate) deployment: Deployment,
    #[serde(default)]
    pub(crate) conference: Vec<ConferenceAnswer>,
    #[serde(default)]
    pub(crate) rooms: RoomSettings,
    /// The answers to those who want to enter a room.
    #[serde(default)]
    pub(crate) joins: Vec<JoinAnswer>,
    /// The conference request goes over HTTP.
    #[serde(default)]
    pub(crate) conference_url: bool,
    /// An HTTP proxy is on the way.
    pub(crate) http_proxy: Option<HttpProxy>,
    /// The server wants TLS, and gets a certificate.
    #[serde(default)]
    pub(crate) client_certificate: bool,
}

/// What an HTTP proxy does with who wants to go through it.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HttpProxy {
    /// It lets those through who have the user name and the password.
    Takes,
    /// It lets nobody through.
    Refuses,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Call(Call),
    Event(Map<String, Value>),
    Outcome(Outcome),
    Server(Order),
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) r#as: Option<String>,
    pub(crate) throws: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) xml: Option<String>,
    pub(crate) timeout: Option<u64>,
    pub(crate) room: Option<String>,
    pub(crate) jid: Option<String>,
    pub(crate) sid: Option<String>,
    pub(crate) rid: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    pub(crate) call: String,
    pub(crate) status: String,
    error_type: Option<String>,
    code: Option<String>,
    condition: Option<String>,
    server_text: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Order {
    Cut,
    Stall,
    Refuse,
    /// Accepts new connections and carries nothing on them.
    Hold,
    /// New connections are as they should be again.
    Admit,
    ShutDown,
    Restart,
    /// Sets up a session to attach to.
    Prebind,
    Faults(Faults),
    Deployment(Deployment),
    Rooms(RoomSettings),
    Joins {
        answers: Vec<JoinAnswer>,
    },
    Room(RoomCommand),
    /// Waits until the server has handled so many stanzas.
    Handled {
        count: u64,
    },
    #[serde(untagged)]
    Embedded(jitsimeet_testserver::Order),
}

impl Scenario {
    /// All there are, by name.
    pub(crate) fn all() -> Result<Vec<Self>, Failure> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = entries.map_err(|error| Failure::new(error.to_string()).at(folder.display()))?;
        let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        files.retain(|file| {
            file.extension().is_some_and(|extension| extension == "toml") && !file.ends_with("Cargo.toml")
        });
        files.sort();
        files.iter().map(|file| Self::read(file).map_err(|failure| failure.at(file.display()))).collect()
    }

    fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).map_err(|error| Failure::new(error.to_string()))?;
        let scenario: Self = toml::from_str(&text).map_err(|error| Failure::new(error.to_string()))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, ..scenario })
    }

    /// The arguments of a call, with the account if the scenario has one and the call does not say otherwise.
    pub(crate) fn arguments(&self, call: &Call) -> Map<String, Value> {
        let connects = call.name == "connect";
        let (id, password) = (self.account && connects).then_some(jitsimeet_testdaemon::ACCOUNT).unzip();
        let arguments = [
            ("id", json!(call.id.as_deref().or(id))),
            ("password", json!(call.password.as_deref().or(password))),
            ("token", json!(call.token.as_deref().map(token))),
            ("xml", json!(call.xml)),
            ("timeout", json!(call.timeout)),
            ("jid", json!(call.jid)),
            ("sid", json!(call.sid)),
            ("rid", json!(call.rid)),
            // As in lib-jitsi-meet. In a step, `name` is the call's.
            (if connects { "name" } else { "room" }, json!(call.room)),
        ];
        let given = arguments.into_iter().filter(|(_, value)| !value.is_null());
        given.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Outcome {
    /// What the scenario says of the failure beyond its status.
    pub(crate) fn failure(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let said = [
            ("error_type", &self.error_type),
            ("code", &self.code),
            ("condition", &self.condition),
            ("server_text", &self.server_text),
        ];
        said.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// What stands for a token in a scenario.
pub(crate) fn token(name: &str) -> String {
    match name {
        "good" => jitsimeet_testserver::token(jitsimeet_testprosody::TOKEN_SECRET),
        "expired" => jitsimeet_testserver::expired_token(jitsimeet_testprosody::TOKEN_SECRET),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_known_is_refused() {
        let good = "about = ''\nservers = ['embedded']\n[[steps]]\ncall = { name = 'connect' }";
        assert!(toml::from_str::<Scenario>(good).is_ok());
        for bad in [
            good.replace("about", "abuot = ''\nabout"),
            good.replace("about", "name = ''\nabout"),
            good.replace("name = 'connect'", "name = 'connect', typo = 1"),
            good.replace("call =", "cal ="),
            good.replace("'embedded'", "'elsewhere'"),
        ] {
            assert!(toml::from_str::<Scenario>(&bad).is_err(), "{bad}");
        }
    }
}
