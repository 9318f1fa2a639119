//! Commands as JSON, for programs in other languages.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{ConferenceAnswer, Deployment, Faults, JoinAnswer, Order, RoomCommand, RoomSettings, TestServer};

enum Command {
    Faults(Faults),
    Deployment(Deployment),
    Conference(Conference),
    Deliver(Deliver),
    Prebind(Prebind),
    Sessions,
    Requests,
    ConferenceRequests,
    Rooms(RoomSettings),
    Joins(Joins),
    Room(RoomCommand),
    RoomState(RoomName),
    JingleAnswers,
    Order(Order),
}

/// The answers to conference requests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conference {
    answers: Vec<ConferenceAnswer>,
}

/// Sets up a BOSH session to attach to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prebind {
    token: Option<String>,
}

/// The answers to those who want to enter a room.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Joins {
    answers: Vec<JoinAnswer>,
}

/// A room, by its name or its bare JID.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomName {
    room: String,
}

/// Sends a stanza to a full JID.
#[derive(Deserialize)]
struct Deliver {
    jid: String,
    stanza: String,
}

/// What a line says.
fn read(line: &str) -> Result<Command, String> {
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    understand(&object).map_err(|error| {
        let error = error.to_string();
        if error.starts_with("missing field") {
            return error;
        }
        // The library does not say where a wrong type is. It is in the field without which the error is another.
        let wrong = object.keys().filter(|field| *field != "command").find(|field| {
            let mut rest = object.clone();
            rest.remove(*field);
            understand(&rest).err().is_none_or(|other| other.to_string() != error)
        });
        wrong.map_or_else(|| error.clone(), |field| format!("{field}: {error}"))
    })
}

fn understand(object: &Map<String, Value>) -> serde_json::Result<Command> {
    let mut fields = object.clone();
    let command = fields.remove("command");
    // Not an enum of serde's with all of them: beside an order that is an enum itself it would hide what is wrong.
    Ok(match command.as_ref().and_then(Value::as_str).unwrap_or_default() {
        "faults" => Command::Faults(take(fields)?),
        "deployment" => Command::Deployment(take(fields)?),
        "conference" => Command::Conference(take(fields)?),
        "deliver" => Command::Deliver(take(fields)?),
        "prebind" => Command::Prebind(take(fields)?),
        "sessions" => Command::Sessions,
        "requests" => Command::Requests,
        "conference_requests" => Command::ConferenceRequests,
        "rooms" => Command::Rooms(take(fields)?),
        "joins" => Command::Joins(take(fields)?),
        "room" => Command::Room(take(fields)?),
        "room_state" => Command::RoomState(take(fields)?),
        "jingle_answers" => Command::JingleAnswers,
        _ => Command::Order(take(object.clone())?),
    })
}

fn take<T: DeserializeOwned>(fields: Map<String, Value>) -> serde_json::Result<T> {
    serde_json::from_value(Value::Object(fields))
}

impl TestServer {
    /// Where the server is and how it is to be trusted: `serviceUrl`, `boshUrl`, `healthUrl`, `conferenceRequestUrl`, `domain` and
    /// `caCertificate`.
    #[must_use]
    pub fn about(&self) -> Value {
        json!({
            "serviceUrl": self.service_url(),
            "boshUrl": self.bosh_url(),
            "healthUrl": self.health_url(),
            "conferenceRequestUrl": self.conference_request_url(),
            "domain": self.domain(),
            "caCertificate": self.ca_certificate(),
        })
    }

    /// Carries out a command: a JSON object whose `command` is `faults`, `deployment`, `conference`, `deliver`,
    /// `prebind`, `sessions`, `requests`, `conference_requests`, `rooms`, `joins`, `room`, `room_state`, `jingle_answers` or the
    /// name of an [`Order`], beside its fields. For `room` these are those of a [`RoomCommand`]. Answers
    /// with an object, which has the field `error` if the command cannot be understood.
    #[must_use]
    pub fn command(&self, command: &str) -> Value {
        match read(command) {
            Ok(command) => self.obey(command),
            Err(error) => json!({ "error": error }),
        }
    }

    fn obey(&self, command: Command) -> Value {
        match command {
            Command::Faults(faults) => self.set_faults(faults),
            Command::Deployment(deployment) => self.set_deployment(deployment),
            Command::Conference(conference) => self.set_conference(conference.answers),
            Command::Order(order) => self.order(&order),
            Command::Deliver(Deliver { jid, stanza }) => return json!({ "ok": self.deliver(&jid, stanza) }),
            Command::Prebind(Prebind { token }) => {
                return json!({ "prebound": self.prebind(token.as_deref()) });
            }
            Command::Rooms(settings) => self.set_rooms(settings),
            Command::Joins(joins) => self.set_joins(joins.answers),
            Command::Room(command) => {
                return json!({ "ok": self.order_room(&command.room, &command.order) });
            }
            Command::RoomState(RoomName { room }) => return json!({ "state": self.room(&room) }),
            Command::JingleAnswers => return json!({ "answers": self.jingle_answers() }),
            Command::Requests => return json!({ "requests": self.requests() }),
            Command::ConferenceRequests => return json!({ "requests": self.conference_requests() }),
            Command::Sessions => {
                return json!({ "sessions": self.sessions(), "connections": self.connections() });
            }
        }
        json!({ "ok": true })
    }
}
