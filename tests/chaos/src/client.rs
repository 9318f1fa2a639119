//! A connection and its model.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jitsimeet::{ConnectOptions, ConnectionId, Error, Item, JitsiConnection};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::model::{Call, Claims, Model, State};

/// Nothing that is waited for takes longer, or it hangs. Longer than a session is kept, and then a login takes.
const DEADLINE: Duration = Duration::from_secs(150);

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self(format!("this machine: {error}"))
    }
}

/// A client of the library, with what it may tell.
pub struct Client {
    connection: JitsiConnection,
    model: Mutex<Model>,
    changed: watch::Sender<()>,
}

impl Client {
    pub(crate) fn new(connection: JitsiConnection, claims: Claims) -> Self {
        connection.set_stanza_listening(true).expect("it was made here");
        Self { connection, model: Mutex::new(Model::new(claims)), changed: watch::Sender::default() }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.connection.id()
    }

    pub(crate) fn jid(&self) -> Option<String> {
        self.connection.jid()
    }

    /// What the client has told so far.
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An item has come out of the hub.
    pub(crate) fn take(&self, item: &Item) {
        match item {
            Item::Event(event) => {
                self.model().event(event, self.connection.jid(), self.connection.state());
            }
            Item::Completed { token, result } => self.model().complete(*token, result),
            _ => self.model().violate("an item of another kind".to_owned()),
        }
        self.changed.send_replace(());
    }

    pub(crate) fn arrived(&self, number: u64, intact: bool) {
        let mut model = self.model();
        model.arrive(number);
        if !intact && model.claims().delivery {
            model.violate(format!("message {number} arrived changed"));
        }
        drop(model);
        self.changed.send_replace(());
    }

    pub(crate) fn received(&self, number: u64, intact: bool) {
        self.model().receive(number, intact);
        self.changed.send_replace(());
    }

    /// Makes a call, whose outcome the model waits for.
    ///
    /// # Errors
    /// The call refuses what it must not refuse.
    pub fn start(
        &self,
        call: Call,
        make: impl FnOnce(&JitsiConnection, u64) -> Result<(), Error>,
    ) -> Result<u64, Broken> {
        let token = self.model().call(call);
        make(&self.connection, token)
            .map_err(|error| Broken(format!("{call:?} is refused: {error}{}", self.model().history())))?;
        Ok(token)
    }

    /// Connects; whether that succeeded.
    ///
    /// # Errors
    /// It has no outcome.
    pub async fn connect(&self, options: &ConnectOptions) -> Result<bool, Broken> {
        let token =
            self.start(Call::Connect, |connection, token| connection.start_connect(options, Some(token)))?;
        self.settle(token, "connect").await?;
        Ok(self.model().state() != State::Idle)
    }

    /// Disconnects.
    ///
    /// # Errors
    /// It has no outcome.
    pub async fn disconnect(&self) -> Result<(), Broken> {
        let token =
            self.start(Call::Disconnect, |connection, token| connection.start_disconnect(Some(token)))?;
        self.settle(token, "disconnect").await
    }

    /// Replaces the token, without waiting.
    ///
    /// # Errors
    /// It is refused.
    pub fn refresh(&self, token: &str) -> Result<u64, Broken> {
        self.start(Call::Refresh, |connection, call| connection.start_refresh_token(token, Some(call)))
    }

    /// Waits for the outcome of a call.
    ///
    /// # Errors
    /// It has none.
    pub async fn settle(&self, token: u64, what: &str) -> Result<(), Broken> {
        self.until(&format!("the outcome of {what}"), |model| !model.is_pending(token)).await
    }

    /// Waits until the model says so.
    ///
    /// # Errors
    /// It does not, or something else is wrong.
    pub async fn until(&self, what: &str, holds: impl Fn(&Model) -> bool) -> Result<(), Broken> {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            loop {
                if !self.model().violations().is_empty() || holds(&self.model()) {
                    return;
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let in_time = timeout(DEADLINE, waiting).await.is_ok();
        self.check(in_time, what)
    }

    fn check(&self, in_time: bool, what: &str) -> Result<(), Broken> {
        let model = self.model();
        match model.violations().first() {
            Some(violation) => Err(Broken(violation.clone())),
            None if !in_time => {
                let state = self.connection.state();
                Err(Broken(format!(
                    "{what} does not come (client: {state}); before that:{}",
                    model.history()
                )))
            }
            None => Ok(()),
        }
    }
}
