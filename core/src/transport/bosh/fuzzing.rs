//! BOSH against a server that answers anything.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::body::Answer;
use super::machine::{Machine, Post, Response};
use super::retry::Retry;
use crate::transport::TransportError;
use crate::xml::{parse, unwrap};

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='h' version='1.0'/>";
const TERMINATED: &str = "<body xmlns='http://jabber.org/protocol/httpbind' type='terminate'/>";
const PATIENCE: Duration = Duration::from_secs(10);
const LIMIT: usize = 10_000;

/// What a body wraps stands by itself, with the same meaning; and a session with a server that answers so is one request
/// after the other, two at most on their way, and ends once.
///
/// Lines: first `attached` or `slow` or neither; then a body that answers the oldest request, or a letter for something else
/// and what it takes.
pub fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut play = Play::new(text.lines().next().unwrap_or_default());
    for line in text.lines().take(200) {
        wrapped(line);
        play.line(line);
        play.settle();
    }
    play.finish();
}

fn wrapped(text: &str) {
    let tree = parse(text);
    let (tree, (head, children)) = match (tree, unwrap(text)) {
        (Ok(tree), Ok(unwrapped)) => (tree, unwrapped),
        (tree, unwrapped) => return assert_eq!(tree.err(), unwrapped.err()),
    };
    assert_eq!((&*tree.name, &*tree.namespace), (head.name, &*head.namespace));
    let read: Vec<_> = children.iter().map(|child| parse(child).expect("a child stands by itself")).collect();
    assert!(read.iter().eq(tree.children()), "{children:?}");
    if let Ok(answer) = Answer::read(text) {
        assert_eq!(answer.frames, children);
        parse(&answer.header).expect("a header can be read");
    }
}

struct Play {
    machine: Machine,
    now: Instant,
    /// Requests on their way, the oldest first.
    posts: Vec<Post>,
    highest: Option<u64>,
    /// Requests leave when a line says so.
    slow: bool,
    ended: bool,
}

impl Play {
    fn new(setting: &str) -> Self {
        let now = Instant::now();
        let mut random = Rng::with_seed(7);
        let retry = Retry::new(random.fork(), PATIENCE);
        let mut machine = Machine::new(&mut random, retry, PATIENCE, LIMIT, now);
        if setting.contains("attached") {
            machine = machine.attach("s".to_owned(), 99);
        } else {
            machine.send(OPEN);
        }
        let mut play = Self {
            machine,
            now,
            posts: Vec::new(),
            highest: None,
            slow: setting.contains("slow"),
            ended: false,
        };
        play.settle();
        play
    }

    fn line(&mut self, line: &str) {
        if line.starts_with('<') {
            return self.answer(0, Ok(Response { status: 200, body: line.to_owned() }));
        }
        let (what, rest) = line.split_at_checked(1).unwrap_or_default();
        let number = rest.parse::<u16>().unwrap_or(0);
        match what {
            // The second of two may be answered first.
            "2" => self.answer(1, Ok(Response { status: 200, body: rest.to_owned() })),
            "h" => self.answer(0, Ok(Response { status: number, body: String::new() })),
            "x" => self.answer(0, Err(TransportError::Lost { reason: "reset".to_owned() })),
            "w" => self.posts.iter().for_each(|post| self.machine.handle_written(self.now, post.rid)),
            "p" => self.posts.iter().for_each(|post| self.machine.handle_progress(self.now, post.rid)),
            "+" => self.pass(Duration::from_millis(number.into())),
            "." => self.time_out(),
            "s" => self.machine.send("<message xmlns='jabber:client'/>"),
            "o" => self.machine.send(OPEN),
            "c" => self.machine.close(),
            _ => {}
        }
    }

    fn answer(&mut self, index: usize, outcome: Result<Response, TransportError>) {
        if index < self.posts.len() {
            let post = self.posts.remove(index);
            self.machine.handle_written(self.now, post.rid);
            self.machine.handle_response(self.now, post.rid, post.attempt, outcome);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.machine.handle_timeout(self.now);
    }

    fn time_out(&mut self) {
        if let Some(then) = self.machine.poll_timeout() {
            self.pass(then.saturating_duration_since(self.now));
        }
    }

    fn settle(&mut self) {
        while let Some(post) = self.machine.poll_request(self.now) {
            assert!(!self.ended, "nothing is sent after the end");
            match self.highest {
                // The same again, word by word.
                Some(highest) if post.rid <= highest => {
                    assert!(post.attempt > 1);
                    self.posts.retain(|other| other.rid != post.rid);
                }
                Some(highest) => assert_eq!((post.rid, post.attempt), (highest + 1, 1)),
                None => {}
            }
            self.highest = self.highest.max(Some(post.rid));
            parse(std::str::from_utf8(&post.body).expect("text")).expect("a request is well-formed");
            if !self.slow {
                self.machine.handle_written(self.now, post.rid);
            }
            self.posts.push(post);
            self.posts.sort_by_key(|post| post.rid);
            assert!(self.posts.len() <= 2, "two requests at most");
        }
        loop {
            match self.machine.poll_frame() {
                Some(Ok(frame)) => {
                    assert!(!self.ended, "nothing comes after the end");
                    parse(&frame).expect("a frame is well-formed");
                }
                Some(Err(_)) => {
                    self.ended = true;
                    break;
                }
                None => break,
            }
        }
        self.machine.take_flushed();
    }

    /// When it is closed, and the server agrees.
    fn finish(&mut self) {
        self.machine.close();
        self.settle();
        for _ in 0..100 {
            if self.ended {
                return assert_eq!(self.machine.poll_timeout(), None);
            }
            match self.posts.is_empty() {
                true => self.time_out(),
                false => self.answer(0, Ok(Response { status: 200, body: TERMINATED.to_owned() })),
            }
            self.settle();
        }
        panic!("it does not end");
    }
}
