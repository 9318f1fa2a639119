//! The servers, each behind the proxy, and what they are told.

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::BASE64;
use jitsimeet_testdaemon::{ACCOUNTS_DOMAIN, DOMAIN, Daemon, PLAIN_DOMAIN, Program, StartError};
use jitsimeet_testejabberd::TestEjabberd;
use jitsimeet_testprosody::{TOKEN_SECRET, TOKENS_DOMAIN, TestProsody};
use jitsimeet_testproxy::{Conditions, TestProxy, Tunnel};
use jitsimeet_testserver::{Faults, RoomSettings, TestServer};
use serde_json::{Map, Value, json};

use crate::prebind::prebind;
use crate::scenario::{HttpProxy, Order, Scenario, ServerSetup, Transport};
use crate::secrets::Secrets;
use crate::{DEADLINE, Failure, Place};

/// In every URL of the embedded server.
const USERINFO: &str = "canary-userinfo";
const QUERY: &str = "key=canary-query";
/// What the HTTP proxy wants to know.
const PROXY_USERINFO: &str = "canary-proxy-user:canary-proxy-password";
/// How the embedded server names what lets others take a session over.
const NAMES: [&str; 2] = ["previous-", "sid-0000"];

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
        if setup.faults != Faults::default() || setup.client_certificate {
            return Err(Failure::new("a real server has no faults on command, and no TLS here"));
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
        tls: setup.client_certificate,
        keep_wire: true,
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
    /// In front of the other proxy, if the scenario has it.
    tunnel: Option<Tunnel>,
    /// With its key.
    client_certificate: Option<(String, String)>,
}

impl Host {
    pub(crate) async fn new(server: Server, setup: &ServerSetup) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(error.to_string()).at("the proxy");
        let proxy = TestProxy::start(server.port()).await.map_err(failed)?;
        let tunnel = match setup.http_proxy {
            None => None,
            Some(HttpProxy::Takes) => Some(Tunnel::start(Some(&proxy_authorization())).await),
            Some(HttpProxy::Refuses) => Some(Tunnel::start(Some("other")).await),
        };
        let client_certificate = match &server {
            Server::Embedded(server) => server.client_certificate(),
            Server::Prosody(_) | Server::Ejabberd(_) => None,
        };
        Ok(Self { server, proxy, tunnel: tunnel.transpose().map_err(failed)?, client_certificate })
    }

    /// The options of a connection that plays the scenario.
    pub(crate) fn options(&self, scenario: &Scenario) -> Result<Value, Failure> {
        let port = self.proxy.port();
        let (scheme, path) = match scenario.transport {
            Transport::Websocket => ("ws", "xmpp-websocket"),
            Transport::Bosh => ("http", "http-bind"),
        };
        let url = match (&self.server, &self.client_certificate) {
            (Server::Embedded(_), None) => {
                format!("{scheme}://{USERINFO}:{USERINFO}@127.0.0.1:{port}/{path}?{QUERY}")
            }
            // The certificate is for the name.
            (Server::Embedded(_), Some(_)) => format!("{scheme}s://localhost:{port}/{path}?{QUERY}"),
            _ => format!("{scheme}://127.0.0.1:{port}/{path}"),
        };
        let domain = self.server.domain(scenario)?;
        let mut options = json!({ "serviceUrl": url, "hosts": { "domain": domain } });
        if scenario.server.conference_url {
            let Server::Embedded(server) = &self.server else {
                return Err(Failure::new("only the embedded server has a URL for conference requests"));
            };
            options["conferenceRequestUrl"] = format!("{}?{QUERY}", server.conference_request_url()).into();
        }
        for (key, value) in &scenario.options {
            options[key] = value.clone();
        }
        if let Some(tunnel) = &self.tunnel {
            let url = format!("http://{PROXY_USERINFO}@127.0.0.1:{}", tunnel.port());
            options["transport"]["proxy"] = url.into();
        }
        if let (Server::Embedded(server), Some((certificate, key))) = (&self.server, &self.client_certificate)
        {
            options["tls"]["caCertificates"] = server.ca_certificate().into();
            options["tls"]["clientCertificate"] = certificate.as_str().into();
            options["tls"]["clientKey"] = key.as_str().into();
        }
        Ok(options)
    }

    /// What the player was given, or was told by the server, and must keep to itself.
    pub(crate) fn tell_secrets(&self, secrets: &mut Secrets) {
        secrets.add(jitsimeet_testdaemon::ACCOUNT.1);
        if self.tunnel.is_some() {
            PROXY_USERINFO.split(':').for_each(|part| secrets.add(part));
            secrets.add(BASE64.encode(PROXY_USERINFO.as_bytes()));
        }
        if let Server::Embedded(server) = &self.server {
            [USERINFO, QUERY].into_iter().chain(NAMES).for_each(|secret| secrets.add(secret));
            for message in server.sasl_messages() {
                decoded(&message).into_iter().for_each(|secret| secrets.add(secret));
                secrets.add(message);
            }
        }
        let key = self.client_certificate.iter().flat_map(|(_, key)| key.lines());
        key.filter(|line| !line.starts_with("---")).for_each(|line| secrets.add(line));
    }

    /// All that has gone over the wire, readable; of the embedded server alone.
    pub(crate) fn wire(&self) -> Option<String> {
        let Server::Embedded(server) = &self.server else { return None };
        let sasl = server.sasl_messages();
        let mut wire = server.wire();
        wire.extend(sasl.iter().filter_map(|message| decoded(message)));
        let asked = self.tunnel.as_ref().map(Tunnel::seen).unwrap_or_default();
        if asked.contains(&proxy_authorization()) {
            wire.push(PROXY_USERINFO.to_owned());
        }
        Some(wire.join("\n"))
    }

    /// Whether the server has been shown the client's certificate, if the client has one.
    pub(crate) fn is_certified(&self) -> bool {
        match (&self.server, &self.client_certificate) {
            (Server::Embedded(server), Some(_)) => server.certified_connections() > 0,
            _ => true,
        }
    }

    /// Sets up a BOSH session of a guest: the arguments of `attach`.
    pub(crate) async fn prebind(&self, scenario: &Scenario) -> Result<Map<String, Value>, Failure> {
        obeyed(prebind(self.server.port(), self.server.domain(scenario)?)).await?
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

fn proxy_authorization() -> String {
    format!("Basic {}", BASE64.encode(PROXY_USERINFO.as_bytes()))
}

/// What a message of SASL says.
fn decoded(message: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(message.as_bytes()).ok()?).ok()
}
