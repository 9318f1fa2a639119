//! Plays scenarios on the API of the crate. `tests/scenarios` has it as a program of its own, too.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use jitsimeet::{
    AttachOptions, ConnectOptions, Drained, Error, Event, EventHub, Failure, Item, JitsiConnection, LogLevel,
    Options, Status, drain_log, open_log, set_log_level,
};
use jitsimeet_testscenarios::{Failure as Unable, Player, Shown};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

/// What was logged in this process: players may play at the same time, and there is one log.
static LOG: Mutex<String> = Mutex::new(String::new());

fn logged() -> MutexGuard<'static, String> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, and everything.
fn keep_the_log() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let keeper = thread::spawn(|| {
            loop {
                let keep = |record| writeln!(logged(), "{record:?}").expect("a string takes everything");
                if drain_log(100, keep) == Drained::Empty {
                    thread::park();
                }
            }
        });
        open_log(move || keeper.thread().unpark()).expect("nobody else subscribes");
        set_log_level(LogLevel::Trace);
    });
}

/// Between `begin` and `end` it has a connection.
#[derive(Default)]
pub struct RustPlayer {
    playing: Option<Playing>,
    /// How much of the log it has told.
    told: usize,
    /// What it has printed, and not told yet.
    printed: String,
}

struct Playing {
    connection: JitsiConnection,
    hub: EventHub,
    woken: Arc<Notify>,
}

impl RustPlayer {
    fn playing(&self) -> Result<&Playing, Unable> {
        self.playing.as_ref().ok_or_else(|| Unable::new("there is no connection"))
    }

    fn print(&mut self, anything: impl std::fmt::Debug) {
        // As a program does that prints what it gets.
        writeln!(self.printed, "{anything:?}").expect("a string takes everything");
    }
}

impl Player for RustPlayer {
    async fn begin(&mut self, options: &Value, token: Option<&str>) -> Result<(), Unable> {
        keep_the_log();
        let woken = Arc::new(Notify::new());
        let hub = EventHub::new({
            let woken = Arc::clone(&woken);
            move || woken.notify_one()
        });
        let mut given = Options::new();
        let made =
            given.merge(options.clone()).and_then(|()| JitsiConnection::with_hub(&hub, None, token, &given));
        let connection = made.map_err(|error| Unable::new(error.to_string()))?;
        self.print((&given, &connection));
        self.playing = Some(Playing { connection, hub, woken });
        Ok(())
    }

    async fn call(
        &mut self,
        name: &str,
        arguments: &Map<String, Value>,
        number: u64,
    ) -> Result<String, Unable> {
        let connection = self.playing()?.connection.clone();
        let number = Some(number);
        let given = |key: &str| arguments.get(key).and_then(Value::as_str);
        let text =
            |key: &str| given(key).ok_or_else(|| Unable::new(format!("{name} lacks its argument {key}")));
        let timeout = arguments.get("timeout").and_then(Value::as_u64).map(Duration::from_millis);
        let outcome = match name {
            "connect" => {
                let mut options = ConnectOptions::default();
                options.id = given("id").map(ToOwned::to_owned);
                options.password = given("password").map(ToOwned::to_owned);
                options.name = given("name").map(ToOwned::to_owned);
                connection.start_connect(&options, number)
            }
            "attach" => {
                let options = AttachOptions::new(text("jid")?, text("sid")?, text("rid")?);
                connection.start_attach(&options, None)
            }
            "disconnect" => connection.start_disconnect(number),
            "refreshToken" => connection.start_refresh_token(text("token")?, number),
            "sendStanza" => connection.start_send_stanza(text("xml")?, number),
            "sendIq" => connection.start_send_iq(text("xml")?, timeout, number),
            "ping" => connection.start_ping(timeout, number),
            "sendConferenceRequest" => connection.start_send_conference_request(text("room")?, number),
            other => return Err(Unable::new(format!("there is no call {other}"))),
        };
        let Err(error) = outcome else { return Ok(Status::Ok.as_str().to_owned()) };
        self.print((error.to_string(), &error));
        Ok(error.status().as_str().to_owned())
    }

    async fn next(&mut self) -> Result<Value, Unable> {
        loop {
            let Playing { hub, woken, .. } = self.playing()?;
            let mut next = None;
            let drained = hub.drain(1, |_, item| next = Some(item));
            if let Some(item) = next {
                // The wake-up for what is left has been used up by this look.
                if drained == Drained::More {
                    woken.notify_one();
                }
                if let Item::Completed { result: Err(error), .. } = &item {
                    self.print(error.to_string());
                }
                self.print(&item);
                return Ok(delivery(&item));
            }
            woken.notified().await;
        }
    }

    async fn rest(&mut self) -> Result<Vec<Value>, Unable> {
        let mut rest = Vec::new();
        self.playing()?.hub.drain(usize::MAX, |_, item| rest.push(delivery(&item)));
        Ok(rest)
    }

    async fn shown(&mut self) -> Result<Shown, Unable> {
        let Playing { connection, .. } = self.playing()?;
        let connection = connection.clone();
        self.print((&connection, connection.ice_servers(), connection.properties(), connection.statistics()));
        let logs = connection.logs();
        let get_logs = serde_json::to_string(&logs).map_err(|error| Unable::new(error.to_string()))?;
        self.print(logs);
        let log = logged()[self.told..].to_owned();
        self.told += log.len();
        Ok(Shown { log, printed: std::mem::take(&mut self.printed), get_logs })
    }

    async fn end(&mut self) -> Result<(), Unable> {
        self.playing = None;
        Ok(())
    }
}

fn delivery(item: &Item) -> Value {
    match item {
        Item::Event(event) => json!({ "event": event.kind().as_str(), "fields": fields(event) }),
        Item::Completed { token, result: Ok(_) } => {
            json!({ "outcome": token, "status": Status::Ok.as_str() })
        }
        Item::Completed { token, result: Err(error) } => {
            let mut delivery = json!({ "outcome": token, "status": error.status().as_str() });
            if let Error::ConnectionFailed(failure) | Error::ConferenceRequestFailed(failure) = error {
                delivery["failure"] = failed(failure);
            }
            delivery
        }
        other => panic!("{other:?} is not known here"),
    }
}

fn fields(event: &Event) -> Value {
    match event {
        Event::ConnectionEstablished { id, resumed, reconnected } => {
            json!({ "id": id, "resumed": resumed, "reconnected": reconnected })
        }
        Event::ConnectionFailed(failure) => failed(failure),
        Event::Redirected { vnode, focus_jid } => json!({ "vnode": vnode, "focus_jid": focus_jid }),
        Event::PropertiesUpdated { shard, region } => json!({ "shard": shard, "region": region }),
        Event::Interrupted { code, message } => json!({ "code": code.as_str(), "message": message }),
        Event::Resumed { attempts, resent, .. } => json!({ "attempts": attempts, "resent": resent }),
        _ => json!({}),
    }
}

fn failed(failure: &Failure) -> Value {
    json!({
        "error_type": failure.error_type.as_str(),
        "code": failure.code.as_str(),
        "message": failure.message,
        "transient": failure.transient,
        "condition": failure.condition,
        "server_text": failure.server_text,
        "http_status": failure.http_status,
        "shard_changed": failure.shard_changed,
    })
}
