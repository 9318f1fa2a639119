//! The machine in virtual time, without a network.

mod interleavings;
mod session;

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::machine::{Machine, Post, Response};
use super::retry::Retry;
use crate::transport::TransportError;

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='h' version='1.0'/>";
const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
const CREATED: &str = "sid='s' wait='60' hold='1' requests='2' polling='5' inactivity='60' from='h' \
    xmlns:stream='http://etherx.jabber.org/streams'";
const FEATURES: &str = "<stream:features xmlns='jabber:client'/>";

fn body(attributes: &str, payload: &str) -> Response {
    let body = format!("<body xmlns='http://jabber.org/protocol/httpbind' {attributes}>{payload}</body>");
    Response { status: 200, body }
}

fn message(number: u64) -> String {
    format!("<message xmlns='jabber:client' id='{number}'/>")
}

fn text(post: &Post) -> &str {
    std::str::from_utf8(&post.body).unwrap()
}

/// One that gives up after a while.
fn machine(patience: Duration, now: Instant) -> Machine {
    let mut random = Rng::with_seed(7);
    let retry = Retry::new(random.fork(), patience);
    Machine::new(&mut random, retry, Duration::from_secs(10), 100_000, now)
}

struct Rig {
    machine: Machine,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        let now = Instant::now();
        Self { machine: machine(Duration::from_secs(10), now), now }
    }

    /// A session that is there, with nothing under way.
    fn attached() -> Self {
        let Self { machine, now } = Self::new();
        Self { machine: machine.attach("s".to_owned(), 99), now }
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn posts(&mut self) -> Vec<Post> {
        self.machine.handle_timeout(self.now);
        let mut posts = Vec::new();
        while let Some(post) = self.machine.poll_request(self.now) {
            self.machine.handle_written(self.now, post.rid);
            posts.push(post);
        }
        posts
    }

    fn post(&mut self) -> Post {
        let mut posts = self.posts();
        assert_eq!(posts.len(), 1, "{posts:?}");
        posts.remove(0)
    }

    /// The next one, whenever it comes.
    fn next_post(&mut self) -> Post {
        loop {
            if let Some(post) = self.posts().pop() {
                return post;
            }
            self.now = self.machine.poll_timeout().unwrap();
        }
    }

    fn answer(&mut self, post: &Post, response: Response) {
        self.machine.handle_response(self.now, post.rid, post.attempt, Ok(response));
    }

    fn lose(&mut self, post: &Post) {
        let error = TransportError::Lost { reason: "reset".to_owned() };
        self.machine.handle_response(self.now, post.rid, post.attempt, Err(error));
    }

    fn frames(&mut self) -> Vec<String> {
        let frames = std::iter::from_fn(|| self.machine.poll_frame().and_then(Result::ok));
        frames.map(|frame| frame.to_string()).collect()
    }

    fn end(&mut self) -> TransportError {
        match self.machine.poll_frame() {
            Some(Err(error)) => error,
            other => panic!("it should have ended: {other:?}"),
        }
    }
}
