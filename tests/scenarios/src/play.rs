//! Goes through the scenarios, and compares what comes with what should come.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::failure::answer;
use crate::host::{Host, Server};
use crate::scenario::{Call, Order, Outcome, Scenario, Step, token};
use crate::secrets::{Secrets, Shown};
use crate::{Failure, Place, Player};

/// How soon a player is asked again for what is not there yet.
const AGAIN: Duration = Duration::from_millis(10);

/// Scenarios to play.
pub struct Scenarios {
    scenarios: Vec<Scenario>,
}

impl Scenarios {
    /// Reads all there are.
    ///
    /// # Errors
    /// One is not as the README describes.
    pub fn read() -> Result<Self, Failure> {
        Ok(Self { scenarios: Scenario::all()? })
    }

    /// Keeps those of these names.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn only(mut self, names: &[String]) -> Result<Self, Failure> {
        if let Some(name) = names.iter().find(|name| self.scenarios.iter().all(|one| one.name != **name)) {
            return Err(Failure::new(format!("there is no scenario {name}")));
        }
        self.scenarios.retain(|scenario| names.contains(&scenario.name));
        Ok(self)
    }

    /// Keeps those that can be played at one of these places.
    ///
    /// # Errors
    /// There is none.
    pub fn at(mut self, places: &[Place]) -> Result<Self, Failure> {
        self.scenarios.retain(|scenario| scenario.servers.iter().any(|place| places.contains(place)));
        match self.scenarios.is_empty() {
            true => Err(Failure::new("there is no scenario to play")),
            false => Ok(self),
        }
    }

    /// The name of each, and where it can be played.
    pub fn list(&self) -> impl Iterator<Item = (&str, &[Place])> {
        self.scenarios.iter().map(|scenario| (scenario.name.as_str(), scenario.servers.as_slice()))
    }

    /// Plays those that can be played at a place; says on standard output which, what went wrong, and how many of how
    /// many were played to their end. Returns whether all were, or could not be because the place's server is not
    /// installed and the variable `CI` is not `true`.
    ///
    /// # Errors
    /// The player [cannot be asked](Failure::is_broken) anything any more, for `deadline` or another reason.
    pub async fn play(
        &self,
        place: Place,
        player: &mut impl Player,
        deadline: Duration,
    ) -> Result<bool, Failure> {
        let scenarios: Vec<_> = self.scenarios.iter().filter(|one| one.servers.contains(&place)).collect();
        let (mut played, mut skipped) = (0, false);
        // One real server serves all scenarios, unless one has failed with it; an embedded one is made for each.
        let mut real = None;
        let mut broken = None;
        let mut secrets = Secrets::default();
        for scenario in &scenarios {
            println!("{place}: {}", scenario.name);
            match play_at(scenario, place, &mut real, &mut secrets, player, deadline).await {
                Ok(true) => played += 1,
                Ok(false) => {
                    skipped = true;
                    break;
                }
                Err(failure) => {
                    println!("    FAILED: {failure}");
                    real = None;
                    if failure.is_broken() {
                        broken = Some(failure);
                        break;
                    }
                }
            }
        }
        println!("{place}: {played} of {} scenarios played", scenarios.len());
        broken.map_or(Ok(skipped || played == scenarios.len()), Err)
    }
}

/// `false` if there is no such server.
async fn play_at(
    scenario: &Scenario,
    place: Place,
    real: &mut Option<Server>,
    secrets: &mut Secrets,
    player: &mut impl Player,
    deadline: Duration,
) -> Result<bool, Failure> {
    let server = match real.take() {
        Some(server) => server,
        None => match Server::start(place, &scenario.server).await? {
            Some(server) => server,
            None => return Ok(false),
        },
    };
    let host = Host::new(server.clone(), &scenario.server).await?;
    let mut stage = Stage {
        scenario,
        host,
        secrets,
        player,
        deadline,
        calls: Vec::new(),
        prebound: Map::new(),
        established: false,
        told: Vec::new(),
    };
    let played = stage.play().await;
    if played.as_ref().is_err_and(Failure::is_broken) {
        return played.map(|()| true);
    }
    let ended = answer(deadline, player.end()).await.map_err(|failure| failure.at("the end"));
    *real = Some(server).filter(|_| place != Place::Embedded);
    // What went wrong first is told; a broken player is found out at the next request.
    played.and(ended).map(|()| true)
}

struct Stage<'a, P> {
    scenario: &'a Scenario,
    host: Host,
    secrets: &'a mut Secrets,
    player: &'a mut P,
    deadline: Duration,
    /// The names of the calls, by their numbers.
    calls: Vec<&'a str>,
    /// The session that was set up last, as the arguments of `attach`.
    prebound: Map<String, Value>,
    /// Whether there was a connection.
    established: bool,
    /// Texts of deliveries, which the player must have printed.
    told: Vec<String>,
}

impl<'a, P: Player> Stage<'a, P> {
    async fn play(&mut self) -> Result<(), Failure> {
        let options = self.host.options(self.scenario)?;
        let token = self.scenario.token.as_deref().map(token);
        token.iter().for_each(|token| self.secrets.add_token(token));
        let begun = answer(self.deadline, self.player.begin(&options, token.as_deref())).await;
        begun.map_err(|failure| failure.at("the new connection"))?;
        for (number, step) in (1..).zip(&self.scenario.steps) {
            let done = match step {
                Step::Call(call) => self.call(call).await,
                Step::Server(Order::Prebind) => self.prebind().await,
                Step::Server(order) => self.host.obey(order).await,
                Step::Event(expected) => self.next().await.and_then(|seen| check_event(expected, &seen)),
                Step::Outcome(expected) => {
                    self.next().await.and_then(|seen| self.check_outcome(expected, &seen))
                }
            };
            done.map_err(|failure| failure.at(format_args!("step {number}, {}", describe(step))))?;
        }
        let rest =
            answer(self.deadline, self.player.rest()).await.map_err(|failure| failure.at("the rest"))?;
        if !rest.is_empty() {
            return Err(Failure::new(format!("nobody waited for {}", Value::from(rest))));
        }
        self.check_secrets().await.map_err(|failure| failure.at("the secrets"))
    }

    /// That no secret was shown, and that each was there to be shown.
    async fn check_secrets(&mut self) -> Result<(), Failure> {
        self.host.tell_secrets(self.secrets);
        self.scenario.secrets.iter().for_each(|secret| self.secrets.add(secret));
        let shown = self.shown().await?;
        self.secrets.check(&shown)?;
        if let Some(text) = self.told.iter().find(|text| !shown.printed.contains(*text)) {
            return Err(Failure::new(format!("{text:?} was told and not printed: {}", shown.printed)));
        }
        let Some(wire) = self.host.wire() else { return Ok(()) };
        if let Some(secret) = self.scenario.secrets.iter().find(|secret| !wire.contains(*secret)) {
            return Err(Failure::new(format!("{secret} was never on the wire: {wire}")));
        }
        match self.host.is_certified() || !self.established {
            true => Ok(()),
            false => Err(Failure::new("the server was shown no certificate")),
        }
    }

    /// What the player shows, once it is all there: the log may take its time.
    async fn shown(&mut self) -> Result<Shown, Failure> {
        let begun = Instant::now();
        let mut all = Shown::default();
        loop {
            let Shown { log, printed, get_logs } = answer(self.deadline, self.player.shown()).await?;
            all = Shown { log: all.log + &log, printed: all.printed + &printed, get_logs };
            // A library that logs faster than the player takes it says what it has dropped.
            let is_logged = all.log.contains("established") || all.log.contains("records were dropped");
            if !self.established || is_logged && all.get_logs.contains("outgoing") {
                return Ok(all);
            }
            if begun.elapsed() > self.deadline {
                return Err(Failure::new(format!("not all that there must be is shown: {all:?}")));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn call(&mut self, call: &'a Call) -> Result<(), Failure> {
        let number = self.calls.len() as u64;
        self.calls.push(call.r#as.as_deref().unwrap_or(&call.name));
        let mut arguments = self.scenario.arguments(call);
        if call.name == "attach" {
            // What the call says itself counts.
            let prebound = self.prebound.iter().map(|(name, value)| (name.clone(), value.clone()));
            arguments = prebound.chain(arguments).collect();
        }
        for key in ["token", "password", "sid"] {
            if let Some(secret) = arguments.get(key).and_then(Value::as_str) {
                self.secrets.add_token(secret);
            }
        }
        let status = answer(self.deadline, self.player.call(&call.name, &arguments, number)).await?;
        expect(status == call.throws.as_deref().unwrap_or("ok"), "the status", &status.into())
    }

    async fn prebind(&mut self) -> Result<(), Failure> {
        self.prebound = self.host.prebind(self.scenario).await?;
        Ok(())
    }

    async fn next(&mut self) -> Result<Value, Failure> {
        let seen = answer(self.deadline, self.player.next()).await?;
        self.established |= seen["event"] == "connection.connectionEstablished";
        let texts = [&seen["fields"]["id"], &seen["fields"]["message"]];
        self.told.extend(texts.into_iter().filter_map(Value::as_str).map(ToOwned::to_owned));
        Ok(seen)
    }

    fn check_outcome(&self, expected: &Outcome, seen: &Value) -> Result<(), Failure> {
        let number = seen["outcome"].as_u64().and_then(|number| usize::try_from(number).ok());
        let call = number.and_then(|number| self.calls.get(number));
        expect(call == Some(&expected.call.as_str()), "another delivery", seen)?;
        expect(seen["status"] == expected.status, "another status", seen)?;
        expected.failure().try_for_each(|(key, value)| expect(seen["failure"][key] == value, key, seen))
    }
}

fn check_event(expected: &Map<String, Value>, seen: &Value) -> Result<(), Failure> {
    for (key, value) in expected {
        match key.as_str() {
            "name" => expect(seen["event"] == *value, "another delivery", seen)?,
            key => expect(seen["fields"][key] == *value, key, seen)?,
        }
    }
    Ok(())
}

fn expect(is_so: bool, what: &str, seen: &Value) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(Failure::new(format!("{what} differs, got {seen}"))) }
}

fn describe(step: &Step) -> String {
    match step {
        Step::Call(call) => {
            format!("call {}, which returns {}", call.name, call.throws.as_deref().unwrap_or("ok"))
        }
        Step::Event(event) => format!("event {}", Value::Object(event.clone())),
        Step::Outcome(outcome) => {
            let failure: Vec<_> = outcome.failure().map(|(key, value)| format!(", {key} {value}")).collect();
            format!("outcome of {}, status {}{}", outcome.call, outcome.status, failure.concat())
        }
        Step::Server(order) => format!("server {order:?}"),
    }
}
