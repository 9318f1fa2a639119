//! Ours beside the peers, on the same work against the same server, in turns: what else the machine does falls on all
//! alike.

mod chart;
mod results;

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::time::Instant;

use jitsimeet_testproxy::{Conditions, TestProxy};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::process::{Address, Cost, Process, Server};
use crate::programs::{Cores, OURS, PEERS, Program};
use crate::report::Report;
use results::{Measure, Results};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results.svg");

const LOGINS: usize = 100;
/// Few: each takes as long as the network does.
const FAR_LOGINS: usize = 5;
/// Half of the round trip, in milliseconds.
const DELAY: u64 = 25;
const AT_ONCE: usize = 1_000;
/// A hundred times the corpus.
const STANZAS: usize = 25_600;
/// libstrophe waits with select, which ends at 1,024 files.
const SESSIONS: usize = 900;
/// Longer than a login may take, whose deadline some clients let come though it is over.
const SETTLE: usize = 20_000;
const IDLE: usize = 15_000;
/// A resume begins after a random time.
const RESUMES: usize = 3;

type Client = (&'static str, Program);

/// Measures everything, and keeps the tables in README.md and the picture beside it.
pub fn all(rounds: NonZeroUsize) -> io::Result<()> {
    let mut report = Report::new("make bench");
    let mut compare = Compare::new(rounds.get())?;
    compare.logins()?;
    compare.far_logins()?;
    compare.at_once()?;
    compare.stanzas()?;
    compare.idle_sessions()?;
    compare.resumes()?;
    report.say(&format!("Rounds: {rounds}.\n"));
    report.say(&compare.results.markdown());
    fs::write(CHART, chart::chart(&compare.results))?;
    report.keep()
}

struct Compare {
    rounds: usize,
    clients: Vec<Client>,
    results: Results,
    /// Of the proxies.
    runtime: Runtime,
}

impl Compare {
    /// With those who can log in here.
    fn new(rounds: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut compare = Self { rounds, clients: Vec::new(), results: Results::default(), runtime };
        let server = Server::start()?;
        for name in OURS.into_iter().chain(PEERS.map(|peer| peer.name)) {
            let tried = Program::build(name).and_then(|program| {
                program.start(server.address, &json!({}), Cores::All)?.order("open 1 1")?;
                Ok(program)
            });
            match tried {
                Ok(program) => compare.clients.push((name, program)),
                Err(error) => compare.missed(name, &error),
            }
        }
        Ok(compare)
    }

    fn missed(&mut self, what: &str, error: &io::Error) {
        let sentence = format!("{what}: {error}");
        eprintln!("{sentence}");
        // In many rounds the same goes wrong.
        if !self.results.missing.contains(&sentence) {
            self.results.missing.push(sentence);
        }
    }

    /// Has every client measured in each round. What fails is said, and the others go on.
    fn in_turns(
        &mut self,
        what: &str,
        measures: &[Measure],
        mut measure: impl FnMut(&Self, &Client, Address) -> io::Result<Vec<f64>>,
    ) -> io::Result<()> {
        for round in 1..=self.rounds {
            eprintln!("{what}, round {round} of {}", self.rounds);
            let server = Server::start()?;
            for at in 0..self.clients.len() {
                let name = self.clients[at].0;
                let values = measure(self, &self.clients[at], server.address);
                if let Err(error) = &values {
                    self.missed(&format!("{what}, {name}"), error);
                }
                let values = values.unwrap_or_else(|_| vec![f64::NAN; measures.len()]);
                measures
                    .iter()
                    .zip(values)
                    .for_each(|(measure, value)| self.results.add(*measure, name, value));
            }
        }
        Ok(())
    }

    /// A login after the other, in a process where one has been.
    fn logins(&mut self) -> io::Result<()> {
        self.in_turns("logins", &[Measure::LoginNear, Measure::LoginCpu], |_, client, address| {
            let cost = warm(client, address, &json!({}), Cores::All)?.order(&format!("open {LOGINS} 1"))?;
            let each = |seconds: f64| seconds * 1e3 / LOGINS as f64;
            Ok(vec![each(cost.wall.as_secs_f64()), each(cost.cpu.as_secs_f64())])
        })
    }

    fn far_logins(&mut self) -> io::Result<()> {
        self.in_turns("far logins", &[Measure::LoginFar], |compare, client, address| {
            let far = Far::start(&compare.runtime, address)?;
            let mut process = warm(client, far.address(), &json!({}), Cores::All)?;
            let cost = process.order(&format!("open {FAR_LOGINS} 1"))?;
            Ok(vec![cost.wall.as_secs_f64() * 1e3 / FAR_LOGINS as f64])
        })
    }

    fn at_once(&mut self) -> io::Result<()> {
        self.in_turns("logins at once", &[Measure::Thousand], |_, client, address| {
            let mut process = warm(client, address, &json!({}), Cores::All)?;
            let cost = process.order(&format!("open {AT_ONCE} {AT_ONCE}"))?;
            Ok(vec![cost.wall.as_secs_f64()])
        })
    }

    /// Each client on one core with all its threads.
    fn stanzas(&mut self) -> io::Result<()> {
        self.in_turns("stanzas", &[Measure::Stanzas], |_, client, address| {
            let mut process = warm(client, address, &json!({ "workerThreads": 1 }), Cores::One)?;
            process.order(&format!("flood {}", STANZAS / 4))?;
            let cost = process.order(&format!("flood {STANZAS}"))?;
            Ok(vec![STANZAS as f64 / cost.wall.as_secs_f64()])
        })
    }

    /// All at the same time: they do nothing. Beyond a first session, which pays for what a process has once.
    fn idle_sessions(&mut self) -> io::Result<()> {
        for round in 1..=self.rounds {
            eprintln!("idle sessions, round {round} of {}", self.rounds);
            let server = Server::start()?;
            let mut idle: Vec<_> =
                self.clients.iter().map(|client| (client.0, Full::start(client, server.address))).collect();
            // What the logins leave to be done: discovery, the last writes.
            let settled = together(&mut idle, SETTLE);
            let costs = together(&mut idle, IDLE);
            for (((name, full), settled), cost) in idle.into_iter().zip(settled).zip(costs) {
                let measured = full.and_then(|full| Ok((full.before, settled?, cost?)));
                let (memory, share) = match measured {
                    Ok((before, settled, cost)) => (
                        settled.memory.saturating_sub(before) as f64,
                        cost.cpu.as_secs_f64() / cost.wall.as_secs_f64(),
                    ),
                    Err(error) => {
                        self.missed(&format!("idle sessions, {name}"), &error);
                        (f64::NAN, f64::NAN)
                    }
                };
                self.results.add(Measure::Memory, name, memory / SESSIONS as f64 / 1e3);
                self.results.add(Measure::Idle, name, share * 60e6 / SESSIONS as f64);
            }
        }
        Ok(())
    }

    fn resumes(&mut self) -> io::Result<()> {
        for _ in 0..RESUMES {
            self.in_turns("resumes", &[Measure::Resume], |compare, client, address| {
                let far = Far::start(&compare.runtime, address)?;
                let mut process = warm(client, far.address(), &json!({}), Cores::All)?;
                // What a session does at its beginning is done.
                process.order("idle 300")?;
                process.begin("resume")?;
                let cut = Instant::now();
                far.cut();
                process.end()?;
                Ok(vec![cut.elapsed().as_secs_f64() * 1e3])
            })?;
        }
        Ok(())
    }
}

/// A process with one session, so that what is done once is done.
fn warm(client: &Client, address: Address, options: &Value, cores: Cores) -> io::Result<Process> {
    let mut process = client.1.start(address, options, cores)?;
    process.order("open 1 1")?;
    Ok(process)
}

/// A process that was weighed with one session and has many more.
struct Full {
    process: Process,
    /// Its memory with one.
    before: u64,
}

impl Full {
    fn start(client: &Client, address: Address) -> io::Result<Self> {
        // As quiet as the peers, who do not look whether the server is there.
        let quiet = json!({ "websocketKeepAlive": -1, "xmppPing": { "interval": 0 } });
        let mut process = client.1.start(address, &quiet, Cores::All)?;
        let before = process.order("open 1 1")?.memory;
        process.order(&format!("open {SESSIONS} 50"))?;
        Ok(Self { process, before })
    }
}

/// Lets them all wait at the same time. One that could not be started has no cost to tell.
fn together(idle: &mut [(&'static str, io::Result<Full>)], milliseconds: usize) -> Vec<io::Result<Cost>> {
    for full in idle.iter_mut().filter_map(|(_, full)| full.as_mut().ok()) {
        // If it is gone, its answer says so.
        let _ = full.process.begin(&format!("idle {milliseconds}"));
    }
    idle.iter_mut()
        .map(|(_, full)| match full {
            Ok(full) => full.process.end(),
            Err(_) => Err(io::Error::other("it is not there")),
        })
        .collect()
}

/// A server that is some milliseconds away.
struct Far {
    framed: TestProxy,
    plain: TestProxy,
}

impl Far {
    fn start(runtime: &Runtime, address: Address) -> io::Result<Self> {
        let proxy = |port| {
            let proxy = runtime.block_on(TestProxy::start(port))?;
            proxy.set_conditions(Conditions { delay: DELAY, ..Conditions::default() });
            io::Result::Ok(proxy)
        };
        Ok(Self { framed: proxy(address.framed)?, plain: proxy(address.plain)? })
    }

    const fn address(&self) -> Address {
        Address { framed: self.framed.port(), plain: self.plain.port() }
    }

    fn cut(&self) {
        self.framed.cut();
        self.plain.cut();
    }
}
