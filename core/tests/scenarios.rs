//! Plays `tests/scenarios` against the embedded server and a real Prosody. See the README there.

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::within;
use jitsimeet::{ConnectOptions, Drained, Error, Event, EventHub, Item, JitsiConnection, Options, Status};
use jitsimeet_testprosody::TestProsody;
use jitsimeet_testproxy::TestProxy;
use jitsimeet_testserver::{Faults, TestServer};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

const SECRET: &str = "secret";
const ACCOUNT: (&str, &str) = ("user", "pencil");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[expect(dead_code, reason = "for readers")]
    about: String,
    servers: Vec<Place>,
    #[serde(default)]
    account: bool,
    token: Option<String>,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    server: ServerSetup,
    steps: Vec<Step>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
enum Place {
    Embedded,
    Prosody,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ServerSetup {
    #[serde(default)]
    tokens: bool,
    #[serde(default)]
    faults: Faults,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
enum Step {
    Call(Call),
    Event(Map<String, Value>),
    Outcome(Outcome),
    Server(Order),
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Call {
    name: String,
    r#as: Option<String>,
    throws: Option<String>,
    id: Option<String>,
    password: Option<String>,
    token: Option<String>,
    xml: Option<String>,
    timeout: Option<u64>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Outcome {
    call: String,
    status: String,
    server_text: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    Cut,
    Stall,
    Restart,
    Close,
    Inject { frame: String },
    Faults,
}

/// A server, and the proxy in front of it.
struct Host {
    embedded: Option<TestServer>,
    prosody: Option<TestProsody>,
    proxy: TestProxy,
}

impl Host {
    async fn start(place: Place, setup: &ServerSetup) -> Option<Self> {
        let (embedded, prosody, port) = match place {
            Place::Embedded => {
                let (name, password) = ACCOUNT;
                let options = jitsimeet_testserver::Options {
                    accounts: HashMap::from([(name.to_owned(), password.to_owned())]),
                    token_secret: setup.tokens.then(|| SECRET.to_owned()),
                    ..Default::default()
                };
                let server = TestServer::start(options).await.expect("a loopback server");
                server.set_faults(setup.faults.clone());
                let port = server.port();
                (Some(server), None, port)
            }
            Place::Prosody => {
                let prosody =
                    tokio::task::spawn_blocking(TestProsody::start_or_skip).await.expect("it starts")?;
                let port = prosody.port();
                (None, Some(prosody), port)
            }
        };
        let proxy = TestProxy::start(port).await.expect("a loopback port");
        Some(Self { embedded, prosody, proxy })
    }

    fn domain(&self, account: bool) -> String {
        match (&self.prosody, account) {
            (Some(prosody), true) => prosody.accounts_domain().to_owned(),
            (Some(prosody), false) => prosody.domain().to_owned(),
            (None, _) => jitsimeet_testserver::DOMAIN.to_owned(),
        }
    }

    fn obey(&self, order: &Order) {
        match (order, &self.embedded) {
            (Order::Cut, _) => self.proxy.cut(),
            (Order::Stall, _) => self.proxy.stall(),
            (Order::Restart, Some(server)) => server.order(&jitsimeet_testserver::Order::Restart),
            (Order::Close, Some(server)) => server.order(&jitsimeet_testserver::Order::Close),
            (Order::Inject { frame }, Some(server)) => {
                server.order(&jitsimeet_testserver::Order::Inject { frame: frame.clone() })
            }
            (Order::Faults, Some(server)) => server.set_faults(Faults::default()),
            (order, None) => panic!("Prosody cannot be told to {order:?}"),
        }
    }
}

/// One connection that is played with.
struct Player {
    connection: JitsiConnection,
    hub: EventHub,
    woken: Arc<Notify>,
    account: bool,
    /// The names of the calls, by their tokens.
    calls: Vec<String>,
}

impl Player {
    fn new(scenario: &Scenario, host: &Host) -> Self {
        let woken = Arc::new(Notify::new());
        let hub = EventHub::new({
            let woken = Arc::clone(&woken);
            move || woken.notify_one()
        });
        let mut options = Options::new();
        let url = format!("ws://127.0.0.1:{}/xmpp-websocket", host.proxy.port());
        options
            .merge(json!({ "serviceUrl": url, "hosts": { "domain": host.domain(scenario.account) } }))
            .unwrap();
        options.merge(Value::Object(scenario.options.clone())).expect("the options of the scenario");
        let token = scenario.token.as_deref().map(token);
        let connection = JitsiConnection::with_hub(&hub, None, token.as_deref(), &options).unwrap();
        Self { connection, hub, woken, account: scenario.account, calls: Vec::new() }
    }

    fn call(&mut self, call: &Call) {
        self.calls.push(call.r#as.clone().unwrap_or_else(|| call.name.clone()));
        let number = Some(self.calls.len() as u64 - 1);
        let text = |given: &Option<String>| {
            given.clone().unwrap_or_else(|| panic!("{} lacks an argument", call.name))
        };
        let connection = &self.connection;
        let outcome = match call.name.as_str() {
            "connect" => {
                let mut options = ConnectOptions::default();
                let (name, password) = self.account.then_some(ACCOUNT).unzip();
                options.id = call.id.clone().or_else(|| name.map(ToOwned::to_owned));
                options.password = call.password.clone().or_else(|| password.map(ToOwned::to_owned));
                connection.start_connect(&options, number)
            }
            "disconnect" => {
                connection.start_disconnect(number);
                Ok(())
            }
            "refreshToken" => connection.start_refresh_token(&token(&text(&call.token)), number),
            "sendStanza" => connection.start_send_stanza(&text(&call.xml), number),
            "sendIq" => {
                connection.start_send_iq(&text(&call.xml), call.timeout.map(Duration::from_millis), number)
            }
            other => panic!("there is no call {other}"),
        };
        let status = outcome.map_or_else(|error| error.status(), |()| Status::Ok);
        assert_eq!(status.as_str(), call.throws.as_deref().unwrap_or("ok"), "{}", call.name);
    }

    /// The next delivery.
    async fn next(&self) -> Item {
        let mut next = None;
        within("the next delivery", async {
            loop {
                let drained = self.hub.drain(1, |_, item| next = Some(item));
                if next.is_some() {
                    // The wake-up for what is left has been used up by this look.
                    if drained == Drained::More {
                        self.woken.notify_one();
                    }
                    return;
                }
                self.woken.notified().await;
            }
        })
        .await;
        next.expect("just delivered")
    }
}

/// What stands for a token in a scenario.
fn token(name: &str) -> String {
    if name == "good" { jitsimeet_testserver::token(SECRET) } else { name.to_owned() }
}

fn fields(event: &Event) -> Value {
    let mut fields = match event {
        Event::ConnectionEstablished { id, resumed, reconnected } => {
            json!({ "id": id, "resumed": resumed, "reconnected": reconnected })
        }
        Event::ConnectionFailed(failure) => json!({
            "error_type": failure.error_type.as_str(),
            "code": failure.code.as_str(),
            "message": failure.message,
            "transient": failure.transient,
            "condition": failure.condition,
            "server_text": failure.server_text,
        }),
        Event::Interrupted { code, message } => json!({ "code": code.as_str(), "message": message }),
        Event::Resumed { attempts, resent, .. } => json!({ "attempts": attempts, "resent": resent }),
        _ => json!({}),
    };
    fields["name"] = event.kind().as_str().into();
    fields
}

async fn play(scenario: &Scenario, host: &Host) {
    let mut player = Player::new(scenario, host);
    for step in &scenario.steps {
        match step {
            Step::Call(call) => player.call(call),
            Step::Server(order) => host.obey(order),
            Step::Event(expected) => {
                let item = player.next().await;
                let Item::Event(event) = &item else { panic!("expected {expected:?}, got {item:?}") };
                let seen = fields(event);
                for (key, value) in expected {
                    assert_eq!(&seen[key], value, "{key} of {seen}");
                }
            }
            Step::Outcome(expected) => {
                let item = player.next().await;
                let Item::Completed { token, result } = &item else {
                    panic!("expected {expected:?}, got {item:?}")
                };
                let call = usize::try_from(*token).ok().and_then(|number| player.calls.get(number));
                assert_eq!(call, Some(&expected.call), "{result:?}");
                let status = result.as_ref().map_or_else(Error::status, |_| Status::Ok);
                assert_eq!(status.as_str(), expected.status, "{result:?}");
                if let Some(text) = &expected.server_text {
                    let Err(Error::ConnectionFailed(failure)) = result else { panic!("{result:?}") };
                    assert_eq!(failure.server_text.as_ref(), Some(text));
                }
            }
        }
    }
    let mut more = Vec::new();
    player.hub.drain(usize::MAX, |_, item| more.push(item));
    assert!(more.is_empty(), "nobody waited for {more:?}");
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenarios");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

async fn play_all(place: Place) {
    let (mut played, mut total) = (0, 0);
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("a scenario");
        let scenario: Scenario =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if !scenario.servers.contains(&place) {
            continue;
        }
        total += 1;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!("{place:?}: {name}");
        let Some(host) = Host::start(place, &scenario.server).await else { continue };
        play(&scenario, &host).await;
        played += 1;
    }
    println!("{place:?}: {played} of {total} scenarios played");
    assert!(total > 0, "there are none");
}

#[tokio::test]
async fn on_the_embedded_server() {
    play_all(Place::Embedded).await;
}

#[tokio::test]
async fn on_prosody() {
    play_all(Place::Prosody).await;
}

#[test]
fn a_key_that_is_not_known_is_refused() {
    let good = "about = ''\nservers = ['embedded']\n[[steps]]\ncall = { name = 'connect' }";
    assert!(toml::from_str::<Scenario>(good).is_ok());
    for bad in [
        good.replace("about", "abuot = ''\nabout"),
        good.replace("name = 'connect'", "name = 'connect', typo = 1"),
        good.replace("call =", "cal ="),
        good.replace("'embedded'", "'elsewhere'"),
    ] {
        assert!(toml::from_str::<Scenario>(&bad).is_err(), "{bad}");
    }
}
