//! The servers, each behind the proxy, and what they are told.

use std::collections::HashMap;
use std::sync::Arc;

use jitsimeet_testdaemon::{ACCOUNTS_DOMAIN, DOMAIN, Daemon, PLAIN_DOMAIN, Program, StartError};
use jitsimeet_testejabberd::TestEjabberd;
use jitsimeet_testprosody::{TOKEN_SECRET, TOKENS_DOMAIN, TestProsody};
use jitsimeet_testproxy::{Conditions, TestProxy};
use jitsimeet_testserver::{Faults, RoomSettings, TestServer};
use serde_json::{Map, Value, json};

use crate::prebind::prebind;
use crate::scenario::{Order, Scenario, ServerSetup, Transport};
use crate::{DEADLINE, Failure, Place};

#[derive(Clone)]
pub(crate) enum Server {
    Embedded(Arc<TestServer>),
    Prosody(Arc<TestProsody>),
    Ejabberd(Arc<TestEjabberd>),
}

impl Server {
    /// `None` if it is not installed, and this is not CI.
    pub(crate) async fn start(place: Place, setup: &ServerSetup) -> Result<Option<Self>, Failure> {
        Ok(match place {
            Place::Embedded => Some(Self::Embedded(Arc::new(embedded(setup).await?))),
            Place::Prosody => daemon().await?.map(Self::Prosody),
            Place::Ejabberd => daemon().await?.map(Self::Ejabberd),
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
    fn domain(&self, scenario: &Scenario) -> Result<&'static str, Failure> {
        let setup = &scenario.server;
        match self {
            Self::Embedded(server) => return Ok(server.domain()),
            Self::Prosody(_) if setup.tokens => return Ok(TOKENS_DOMAIN),
            Self::Ejabberd(_) if setup.tokens => return Err(Failure::new("ejabberd knows no tokens")),
            Self::Prosody(_) | Self::Ejabberd(_) => {}
        }
        if setup.rooms != RoomSettings::default() || !setup.joins.is_empty() {
            return Err(Failure::new("the rooms of a real server are its own"));
        }
        if setup.faults != Faults::default() {
            return Err(Failure::new("a real server has no faults on command"));
        }
        Ok(match scenario.account {
            true if setup.plain => PLAIN_DOMAIN,
            true => ACCOUNTS_DOMAIN,
            false => DOMAIN,
        })
    }
}

async fn embedded(setup: &ServerSetup) -> Result<TestServer, Failure> {
    let (name, password) = jitsimeet_testdaemon::ACCOUNT;
    let options = jitsimeet_testserver::Options {
        accounts: HashMap::from([(name.to_owned(), password.to_owned())]),
        token_secret: setup.tokens.then(|| TOKEN_SECRET.to_owned()),
        deployment: setup.deployment.clone(),
        conference: setup.conference.clone(),
        rooms: setup.rooms.clone(),
        ..Default::default()
    };
    let server = TestServer::start(options).await.map_err(|error| Failure::new(error.to_string()))?;
    let mut faults = setup.faults.clone();
    if setup.plain {
        faults.mechanisms = Some(vec!["PLAIN".to_owned()]);
    }
    server.set_faults(faults);
    server.set_joins(setup.joins.clone());
    Ok(server)
}

async fn daemon<P: Program + Send + Sync + 'static>() -> Result<Option<Arc<Daemon<P>>>, Failure> {
    Ok(blocking(Daemon::start_or_skip).await?.map(Arc::new))
}

async fn change<P: Program + Send + Sync + 'static>(
    daemon: &Arc<Daemon<P>>,
    change: impl FnOnce(&Daemon<P>) -> Result<(), StartError> + Send + 'static,
) -> Result<(), Failure> {
    let daemon = Arc::clone(daemon);
    blocking(move || change(&daemon)).await?.map_err(|error| Failure::new(error.to_string()))
}

/// Not on this thread, which also runs the proxy.
async fn blocking<T: Send + 'static>(doing: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    obeyed(tokio::task::spawn_blocking(doing)).await?.map_err(|panic| Failure::new(panic.to_string()))
}

/// Waits for what a server does.
async fn obeyed<T>(doing: impl Future<Output = T>) -> Result<T, Failure> {
    let late = |_| Failure::new(format!("the server was not done within {DEADLINE:?}"));
    tokio::time::timeout(DEADLINE, doing).await.map_err(late)
}

/// A server, and the proxy in front of it.
pub(crate) struct Host {
    server: Server,
    proxy: TestProxy,
}

impl Host {
    pub(crate) async fn new(server: Server) -> Result<Self, Failure> {
        let proxy = TestProxy::start(server.port()).await;
        let proxy = proxy.map_err(|error| Failure::new(error.to_string()).at("the proxy"))?;
        Ok(Self { server, proxy })
    }

    /// The options of a connection that plays the scenario.
    pub(crate) fn options(&self, scenario: &Scenario) -> Result<Value, Failure> {
        let port = self.proxy.port();
        let url = match scenario.transport {
            Transport::Websocket => format!("ws://127.0.0.1:{port}/xmpp-websocket"),
            Transport::Bosh => format!("http://127.0.0.1:{port}/http-bind"),
        };
        let domain = self.server.domain(scenario)?;
        let mut options = json!({ "serviceUrl": url, "hosts": { "domain": domain } });
        if scenario.server.conference_url {
            let Server::Embedded(server) = &self.server else {
                return Err(Failure::new("only the embedded server has a URL for conference requests"));
            };
            options["conferenceRequestUrl"] = server.conference_request_url().into();
        }
        for (key, value) in &scenario.options {
            options[key] = value.clone();
        }
        Ok(options)
    }

    /// Sets up a BOSH session of a guest: the arguments of `attach`.
    pub(crate) async fn prebind(&self, scenario: &Scenario) -> Result<Map<String, Value>, Failure> {
        obeyed(prebind(self.server.port(), self.server.domain(scenario)?)).await?
    }

    /// Waits until the server has the BOSH request, where it matters: ejabberd 23.01 keeps one that comes before the one
    /// before it, as it must, but looks at it again only when it sends something. A client cannot know what comes first.
    pub(crate) async fn await_request(&self, rid: u64) -> Result<(), Failure> {
        let Server::Ejabberd(ejabberd) = &self.server else { return Ok(()) };
        let ejabberd = Arc::clone(ejabberd);
        blocking(move || ejabberd.await_log(&format!("{{rid,{rid}}}"))).await.map(drop)
    }

    pub(crate) async fn obey(&self, order: &Order) -> Result<(), Failure> {
        match (order, &self.server) {
            (Order::Cut, _) => self.proxy.cut(),
            (Order::Stall, _) => self.proxy.stall(),
            (Order::Refuse, _) => self.proxy.set_refusing(true),
            (Order::Hold, _) => {
                self.proxy.set_conditions(Conditions { stall_after: Some(0), ..Conditions::default() });
            }
            (Order::Admit, _) => {
                self.proxy.set_refusing(false);
                self.proxy.set_conditions(Conditions::default());
            }
            (Order::Restart, Server::Prosody(prosody)) => change(prosody, Daemon::restart).await?,
            (Order::Restart, Server::Ejabberd(ejabberd)) => change(ejabberd, Daemon::restart).await?,
            (Order::Restart, Server::Embedded(server)) => server.order(&jitsimeet_testserver::Order::Restart),
            (Order::ShutDown, Server::Prosody(prosody)) => change(prosody, Daemon::shut_down).await?,
            (Order::ShutDown, Server::Ejabberd(ejabberd)) => change(ejabberd, Daemon::shut_down).await?,
            (Order::Faults(faults), Server::Embedded(server)) => server.set_faults(faults.clone()),
            (Order::Deployment(deployment), Server::Embedded(server)) => {
                server.set_deployment(deployment.clone());
            }
            (Order::Rooms(settings), Server::Embedded(server)) => server.set_rooms(settings.clone()),
            (Order::Joins { answers }, Server::Embedded(server)) => server.set_joins(answers.clone()),
            (Order::Room(command), Server::Embedded(server)) => {
                if !server.order_room(&command.room, &command.order) {
                    return Err(Failure::new(format!("the room {} cannot do that", command.room)));
                }
            }
            (Order::Handled { count }, Server::Embedded(server)) => obeyed(server.handled(*count)).await?,
            (Order::Embedded(order), Server::Embedded(server)) => server.order(order),
            _ => return Err(Failure::new("this server cannot be told that")),
        }
        Ok(())
    }
}
