//! Plays `tests/scenarios` against the embedded server, a real Prosody and a real ejabberd. See the README there.

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::within;
use jitsimeet::{
    CompletionResult, ConnectOptions, Drained, Error, Event, EventHub, Item, JitsiConnection, Options, Status,
};
use jitsimeet_testdaemon::{ACCOUNTS_DOMAIN, DOMAIN, Daemon, PLAIN_DOMAIN, Program, StartError};
use jitsimeet_testejabberd::TestEjabberd;
use jitsimeet_testprosody::{TOKEN_SECRET, TOKENS_DOMAIN, TestProsody};
use jitsimeet_testproxy::TestProxy;
use jitsimeet_testserver::{ConferenceAnswer, Deployment, Faults, TestServer};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

const SECRET: &str = TOKEN_SECRET;
const ACCOUNT: (&str, &str) = jitsimeet_testdaemon::ACCOUNT;

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
    Ejabberd,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ServerSetup {
    #[serde(default)]
    tokens: bool,
    #[serde(default)]
    plain: bool,
    #[serde(default)]
    faults: Faults,
    #[serde(default)]
    deployment: Deployment,
    #[serde(default)]
    conference: Vec<ConferenceAnswer>,
    /// The conference request goes over HTTP.
    #[serde(default)]
    conference_url: bool,
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
    room: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Outcome {
    call: String,
    status: String,
    error_type: Option<String>,
    condition: Option<String>,
    server_text: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    Cut,
    Stall,
    Refuse,
    Admit,
    ShutDown,
    Restart,
    Faults(Faults),
    Deployment(Deployment),
    /// Waits until the server has handled so many stanzas.
    Handled {
        count: u64,
    },
    #[serde(untagged)]
    Embedded(jitsimeet_testserver::Order),
}

#[derive(Clone)]
enum Server {
    Embedded(Arc<TestServer>),
    Prosody(Arc<TestProsody>),
    Ejabberd(Arc<TestEjabberd>),
}

impl Server {
    async fn start(place: Place, setup: &ServerSetup) -> Option<Self> {
        Some(match place {
            Place::Embedded => {
                let (name, password) = ACCOUNT;
                let options = jitsimeet_testserver::Options {
                    accounts: HashMap::from([(name.to_owned(), password.to_owned())]),
                    token_secret: setup.tokens.then(|| SECRET.to_owned()),
                    deployment: setup.deployment.clone(),
                    conference: setup.conference.clone(),
                    ..Default::default()
                };
                let server = TestServer::start(options).await.expect("a loopback server");
                let mut faults = setup.faults.clone();
                if setup.plain {
                    faults.mechanisms = Some(vec!["PLAIN".to_owned()]);
                }
                server.set_faults(faults);
                Self::Embedded(Arc::new(server))
            }
            Place::Prosody => Self::Prosody(daemon().await?),
            Place::Ejabberd => Self::Ejabberd(daemon().await?),
        })
    }

    fn port(&self) -> u16 {
        match self {
            Self::Embedded(server) => server.port(),
            Self::Prosody(prosody) => prosody.port(),
            Self::Ejabberd(ejabberd) => ejabberd.port(),
        }
    }

    /// The domain that serves the scenario.
    fn domain(&self, scenario: &Scenario) -> &'static str {
        let setup = &scenario.server;
        match self {
            Self::Embedded(server) => return server.domain(),
            Self::Prosody(_) if setup.tokens => return TOKENS_DOMAIN,
            Self::Ejabberd(_) if setup.tokens => panic!("ejabberd knows no tokens"),
            Self::Prosody(_) | Self::Ejabberd(_) => {}
        }
        assert_eq!(setup.faults, Faults::default(), "a real server has none on command");
        match scenario.account {
            true if setup.plain => PLAIN_DOMAIN,
            true => ACCOUNTS_DOMAIN,
            false => DOMAIN,
        }
    }
}

async fn daemon<P: Program + Send + Sync + 'static>() -> Option<Arc<Daemon<P>>> {
    let start = tokio::task::spawn_blocking(Daemon::start_or_skip);
    within("the start", start).await.expect("it starts").map(Arc::new)
}

/// Not on this thread, which also runs the proxy.
async fn change<P: Program + Send + Sync + 'static>(
    daemon: &Arc<Daemon<P>>,
    change: impl FnOnce(&Daemon<P>) -> Result<(), StartError> + Send + 'static,
) {
    let daemon = Arc::clone(daemon);
    let change = tokio::task::spawn_blocking(move || change(&daemon));
    within("the change", change).await.expect("no panic").expect("the server obeys");
}

/// A server, and the proxy in front of it.
struct Host {
    server: Server,
    proxy: TestProxy,
}

impl Host {
    async fn new(server: Server) -> Self {
        let proxy = TestProxy::start(server.port()).await.expect("a loopback port");
        Self { server, proxy }
    }

    async fn obey(&self, order: &Order) {
        match (order, &self.server) {
            (Order::Cut, _) => self.proxy.cut(),
            (Order::Stall, _) => self.proxy.stall(),
            (Order::Refuse, _) => self.proxy.set_refusing(true),
            (Order::Admit, _) => self.proxy.set_refusing(false),
            (Order::Restart, Server::Prosody(prosody)) => change(prosody, Daemon::restart).await,
            (Order::Restart, Server::Ejabberd(ejabberd)) => change(ejabberd, Daemon::restart).await,
            (Order::Restart, Server::Embedded(server)) => server.order(&jitsimeet_testserver::Order::Restart),
            (Order::ShutDown, Server::Prosody(prosody)) => change(prosody, Daemon::shut_down).await,
            (Order::ShutDown, Server::Ejabberd(ejabberd)) => change(ejabberd, Daemon::shut_down).await,
            (Order::Faults(faults), Server::Embedded(server)) => server.set_faults(faults.clone()),
            (Order::Deployment(deployment), Server::Embedded(server)) => {
                server.set_deployment(deployment.clone());
            }
            (Order::Handled { count }, Server::Embedded(server)) => {
                within("the handling", server.handled(*count)).await;
            }
            (Order::Embedded(order), Server::Embedded(server)) => server.order(order),
            (order, _) => panic!("this server cannot be told to {order:?}"),
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
        let domain = host.server.domain(scenario);
        options.merge(json!({ "serviceUrl": url, "hosts": { "domain": domain } })).unwrap();
        if scenario.server.conference_url {
            let Server::Embedded(server) = &host.server else { panic!("only the embedded server has one") };
            options.set("conferenceRequestUrl", server.conference_request_url()).unwrap();
        }
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
                options.name.clone_from(&call.room);
                options.password = call.password.clone().or_else(|| password.map(ToOwned::to_owned));
                connection.start_connect(&options, number)
            }
            "disconnect" => connection.start_disconnect(number),
            "refreshToken" => connection.start_refresh_token(&token(&text(&call.token)), number),
            "sendStanza" => connection.start_send_stanza(&text(&call.xml), number),
            "sendIq" => {
                connection.start_send_iq(&text(&call.xml), call.timeout.map(Duration::from_millis), number)
            }
            "ping" => connection.start_ping(call.timeout.map(Duration::from_millis), number),
            "sendConferenceRequest" => connection.start_send_conference_request(&text(&call.room), number),
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
    match name {
        "good" => jitsimeet_testserver::token(SECRET),
        "expired" => jitsimeet_testserver::expired_token(SECRET),
        other => other.to_owned(),
    }
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
            "http_status": failure.http_status,
            "shard_changed": failure.shard_changed,
        }),
        Event::Redirected { vnode, focus_jid } => json!({ "vnode": vnode, "focus_jid": focus_jid }),
        Event::PropertiesUpdated { shard, region } => json!({ "shard": shard, "region": region }),
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
            Step::Server(order) => host.obey(order).await,
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
                assert_reason(expected, result);
            }
        }
    }
    let mut more = Vec::new();
    player.hub.drain(usize::MAX, |_, item| more.push(item));
    assert!(more.is_empty(), "nobody waited for {more:?}");
}

/// Where the scenario names more of a failed outcome than its status.
fn assert_reason(expected: &Outcome, result: &CompletionResult) {
    let Outcome { error_type, condition, server_text, .. } = expected;
    if error_type.is_none() && condition.is_none() && server_text.is_none() {
        return;
    }
    let (Err(Error::ConnectionFailed(failure)) | Err(Error::ConferenceRequestFailed(failure))) = result
    else {
        panic!("{result:?}")
    };
    let wanted = |wanted: &Option<String>, seen: Option<&str>| {
        assert!(wanted.is_none() || wanted.as_deref() == seen, "{wanted:?} is not what came: {failure}");
    };
    wanted(error_type, Some(failure.error_type.as_str()));
    wanted(condition, failure.condition.as_deref());
    wanted(server_text, failure.server_text.as_deref());
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
    // One real server serves all scenarios; an embedded one is made for each.
    let mut real = None;
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
        let server = match real.take() {
            Some(server) => server,
            None => match Server::start(place, &scenario.server).await {
                Some(server) => server,
                None => continue,
            },
        };
        play(&scenario, &Host::new(server.clone()).await).await;
        real = Some(server).filter(|_| place != Place::Embedded);
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

#[tokio::test]
async fn on_ejabberd() {
    play_all(Place::Ejabberd).await;
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
