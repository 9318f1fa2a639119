//! Whatever the network loses, delays and repeats: every stanza arrives once and in order, both ways.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::*;
use crate::xml::{scan, unwrap};

/// What happens next. A number picks one of what is under way.
#[derive(Debug, Clone)]
enum Step {
    ClientSends,
    ServerSends,
    RequestArrives(usize),
    /// It never arrives; the client is told, or is not.
    RequestIsLost(usize, bool),
    AnswerArrives(usize),
    /// It arrives and will arrive again.
    AnswerIsRepeated(usize),
    AnswerIsLost(usize, bool),
    Time(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let one = 0_usize..8;
    prop_oneof![
        2 => Just(Step::ClientSends),
        2 => Just(Step::ServerSends),
        4 => one.clone().prop_map(Step::RequestArrives),
        1 => (one.clone(), any::<bool>()).prop_map(|(one, told)| Step::RequestIsLost(one, told)),
        4 => one.clone().prop_map(Step::AnswerArrives),
        1 => one.clone().prop_map(Step::AnswerIsRepeated),
        1 => (one, any::<bool>()).prop_map(|(one, told)| Step::AnswerIsLost(one, told)),
        2 => (0_u64..8_000).prop_map(Step::Time),
    ]
}

/// A connection manager as XEP-0124 has it: it holds one request, takes requests in order, and remembers two answers.
#[derive(Default)]
struct Server {
    next: u64,
    early: BTreeMap<u64, (u32, String)>,
    held: VecDeque<(u64, u32)>,
    answered: VecDeque<(u64, String)>,
    received: Vec<String>,
    queue: Vec<String>,
    answers: Vec<(u64, u32, String)>,
}

impl Server {
    fn handle(&mut self, rid: u64, attempt: u32, text: String) {
        if let Some((_, answer)) = self.answered.iter().find(|(answered, _)| *answered == rid) {
            self.answers.push((rid, attempt, answer.clone()));
        } else if let Some(held) = self.held.iter_mut().find(|(held, _)| *held == rid) {
            held.1 = attempt;
        } else if rid < self.next {
            // Its connection was given up long ago: nobody is there to be told that this is too late.
            assert!(rid + 2 < self.next, "{rid} was forgotten too early");
        } else {
            assert!(
                (self.next..self.next + 2).contains(&rid),
                "{rid} is outside the window of {}",
                self.next
            );
            self.early.insert(rid, (attempt, text));
        }
        while let Some((attempt, text)) = self.early.remove(&self.next) {
            let (_, children) = unwrap(&text).unwrap();
            let id = |child: &String| scan(child).unwrap().value("id").unwrap().into_owned();
            self.received.extend(children.iter().map(id));
            self.held.push_back((self.next, attempt));
            self.next += 1;
            self.answer();
        }
    }

    fn answer(&mut self) {
        while self.held.len() > 1 || !self.queue.is_empty() && !self.held.is_empty() {
            let (rid, attempt) = self.held.pop_front().unwrap();
            let answer = body("", &self.queue.concat()).body;
            self.queue.clear();
            self.answered.push_back((rid, answer.clone()));
            if self.answered.len() > 2 {
                self.answered.pop_front();
            }
            self.answers.push((rid, attempt, answer));
        }
    }
}

struct World {
    rig: Rig,
    server: Server,
    requests: Vec<(u64, u32, String)>,
    sent: [u64; 2],
    received: Vec<String>,
}

impl World {
    fn new() -> Self {
        let mut rig = Rig::new();
        // Giving up is another test's.
        rig.machine = machine(Duration::from_secs(1_000_000), rig.now).attach("s".to_owned(), 99);
        let server = Server { next: 100, ..Server::default() };
        Self { rig, server, requests: Vec::new(), sent: [0, 0], received: Vec::new() }
    }

    fn settle(&mut self) {
        for post in self.rig.posts() {
            self.requests.push((post.rid, post.attempt, text(&post).to_owned()));
        }
        self.received.extend(self.rig.frames());
    }

    fn client_sends(&mut self) {
        self.sent[0] += 1;
        self.rig.machine.send(&message(self.sent[0]));
    }

    fn server_sends(&mut self) {
        self.sent[1] += 1;
        self.server.queue.push(message(self.sent[1]));
        self.server.answer();
    }

    fn fail(&mut self, rid: u64, attempt: u32) {
        let error = TransportError::Lost { reason: "reset".to_owned() };
        self.rig.machine.handle_response(self.rig.now, rid, attempt, Err(error));
    }

    fn arrive(&mut self, (rid, attempt, text): (u64, u32, String)) {
        let response = Response { status: 200, body: text };
        self.rig.machine.handle_response(self.rig.now, rid, attempt, Ok(response));
    }

    fn step(&mut self, step: &Step) {
        let pick = |one: usize, of: usize| (of > 0).then(|| one % of.max(1));
        match step {
            Step::ClientSends => self.client_sends(),
            Step::ServerSends => self.server_sends(),
            Step::RequestArrives(one) => {
                if let Some(one) = pick(*one, self.requests.len()) {
                    let (rid, attempt, text) = self.requests.remove(one);
                    self.server.handle(rid, attempt, text);
                }
            }
            Step::RequestIsLost(one, told) => {
                if let Some(one) = pick(*one, self.requests.len()) {
                    let (rid, attempt, _) = self.requests.remove(one);
                    if *told {
                        self.fail(rid, attempt);
                    }
                }
            }
            Step::AnswerArrives(one) => {
                if let Some(one) = pick(*one, self.server.answers.len()) {
                    let answer = self.server.answers.remove(one);
                    self.arrive(answer);
                }
            }
            Step::AnswerIsRepeated(one) => {
                if let Some(one) = pick(*one, self.server.answers.len()) {
                    self.arrive(self.server.answers[one].clone());
                }
            }
            Step::AnswerIsLost(one, told) => {
                if let Some(one) = pick(*one, self.server.answers.len()) {
                    let (rid, attempt, _) = self.server.answers.remove(one);
                    if *told {
                        self.fail(rid, attempt);
                    }
                }
            }
            Step::Time(ms) => self.rig.pass(*ms),
        }
        self.settle();
    }

    /// The network does what it should from now on.
    fn heal(&mut self) {
        for _ in 0..200 {
            while !self.requests.is_empty() || !self.server.answers.is_empty() {
                self.step(&Step::RequestArrives(0));
                self.step(&Step::AnswerArrives(0));
            }
            let done = self.server.received.len() as u64 == self.sent[0]
                && self.received.len() as u64 == self.sent[1];
            if done {
                return;
            }
            self.step(&Step::Time(20_000));
        }
    }
}

fn ids(count: u64) -> Vec<String> {
    (1..=count).map(|number| number.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_stanza_arrives_once_and_in_order(steps in proptest::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        world.settle();
        for step in &steps {
            world.step(step);
            prop_assert!(world.server.held.len() <= 1);
        }
        world.heal();
        prop_assert_eq!(&world.server.received, &ids(world.sent[0]));
        let received: Vec<_> = (1..=world.sent[1]).map(message).collect();
        prop_assert_eq!(&world.received, &received);
    }
}
