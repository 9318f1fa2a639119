//! What a client goes through.

use std::sync::Arc;
use std::time::Duration;

use jitsimeet_testproxy::{Conditions, Seen, TestProxy};
use serde_json::Value;
use tokio::time::sleep;

use crate::client::{Broken, Client};
use crate::model::{Claims, State, Tally};
use crate::world::{Login, Transport, World};

/// More attempts than there can be disturbances in their way.
const ATTEMPTS: u32 = 100;
/// Between attempts that nothing came of.
const PAUSE: Duration = Duration::from_millis(20);

/// One thing that is done, by the client or to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends so many messages, without waiting for their outcomes.
    Send(u32),
    /// Is sent so many messages.
    Receive(u32),
    /// Waits for all outcomes, then for one more message each way: by then nothing may be missing.
    Settle,
    /// Replaces the token, without waiting for the outcome.
    Refresh,
    /// Disconnects, and waits until that is done.
    Disconnect,
    /// The network cuts all connections of the client.
    Cut,
    /// The network carries nothing any more on the connections of the client.
    Stall,
    /// What the network does to each of the next connections.
    Next(Vec<Conditions>),
    /// Whether the network lets new connections through.
    Refuse(bool),
    /// The server forgets the session.
    Forget,
    /// Nothing, for so many milliseconds.
    Pause(u64),
}

/// A client and what it goes through. Whenever it is to do something without a session, it connects.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Who logs in.
    pub login: Login,
    /// By what.
    pub transport: Transport,
    /// What holds for it.
    pub claims: Claims,
    /// Options beside those that all clients have.
    pub options: Value,
    /// What is done to it in turn.
    pub steps: Vec<Step>,
}

/// What came of a script.
#[derive(Debug, Clone)]
pub struct Played {
    /// What happened.
    pub tally: Tally,
    /// The codes of all that failed.
    pub codes: Vec<&'static str>,
    /// The bytes of each connection.
    pub seen: Vec<Seen>,
}

/// Plays a script, and checks it.
///
/// # Errors
/// A rule was broken.
pub async fn play(world: &World, script: &Script) -> Result<Played, Broken> {
    let proxy = world.proxy().await?;
    let client = world.client(&proxy, script.login, script.transport, script.claims, &script.options);
    let stage = Stage { world, script, proxy, client };
    let outcome = stage.perform().await;
    world.remove(&stage.client);
    outcome.map_err(|Broken(what)| Broken(format!("{what}\n  script: {:?}", script.steps)))
}

struct Stage<'a> {
    world: &'a World,
    script: &'a Script,
    proxy: TestProxy,
    client: Arc<Client>,
}

impl Stage<'_> {
    async fn perform(&self) -> Result<Played, Broken> {
        for step in &self.script.steps {
            self.step(step).await?;
        }
        self.client.until("every outcome", |model| model.is_settled()).await?;
        let model = self.client.model();
        Ok(Played {
            tally: model.tally(),
            codes: model.codes().iter().copied().collect(),
            seen: self.proxy.seen(),
        })
    }

    async fn step(&self, step: &Step) -> Result<(), Broken> {
        match step {
            Step::Send(count) => {
                self.connect().await?;
                for _ in 0..*count {
                    self.world.send(&self.client)?;
                }
            }
            Step::Receive(count) => {
                self.connect().await?;
                for _ in 0..*count {
                    self.world.send_to(&self.client)?;
                }
            }
            Step::Settle => self.settle().await?,
            Step::Refresh => {
                self.connect().await?;
                self.client.refresh("another")?;
            }
            Step::Disconnect => self.client.disconnect().await?,
            Step::Cut => self.proxy.cut(),
            Step::Stall => self.proxy.stall(),
            Step::Next(conditions) => self.proxy.set_next(conditions.iter().copied()),
            Step::Refuse(refusing) => self.proxy.set_refusing(*refusing),
            Step::Forget => self.world.forget(&self.client),
            Step::Pause(milliseconds) => sleep(Duration::from_millis(*milliseconds)).await,
        }
        Ok(())
    }

    /// Sees to it that there is a session, or one on its way back.
    async fn connect(&self) -> Result<(), Broken> {
        for attempt in 0..ATTEMPTS {
            if self.client.model().state() != State::Idle {
                return Ok(());
            }
            if attempt > 0 {
                sleep(PAUSE).await;
            }
            self.client.connect(&self.world.login(self.script.login)).await?;
        }
        Err(Broken(format!("it never connects:{}", self.client.model().history())))
    }

    async fn settle(&self) -> Result<(), Broken> {
        for _ in 0..ATTEMPTS {
            self.connect().await?;
            self.client.until("every outcome", |model| model.is_settled()).await?;
            if !self.world.has_peer() {
                return Ok(());
            }
            // It may have been lost meanwhile.
            if self.client.model().state() != State::Connected {
                self.client.until("the end of the recovery", is_steady).await?;
                continue;
            }
            let jid = self.client.model().jid().map(ToOwned::to_owned);
            let (number, token) = self.world.send(&self.client)?;
            let Some(reply) = self.world.send_to(&self.client)? else { continue };
            self.client
                .until("a last message each way", |model| {
                    let there = model.has_arrived(number) && model.has_received(reply);
                    let lost = model.state() == State::Idle || model.jid() != jid.as_deref();
                    (there || lost) && !model.is_pending(token)
                })
                .await?;
            let mut model = self.client.model();
            if model.has_arrived(number) && model.has_received(reply) && model.jid() == jid.as_deref() {
                model.settled();
                return Ok(());
            }
        }
        Err(Broken(format!("it never settles:{}", self.client.model().history())))
    }
}

fn is_steady(model: &crate::model::Model) -> bool {
    matches!(model.state(), State::Idle | State::Connected)
}
