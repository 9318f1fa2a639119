//! One session: takes requests in the order of their numbers, keeps one, and remembers what it has answered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use minidom::Element;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::{body, terminate};
use crate::DOMAIN;
use crate::sessions::Out;
use crate::stream::Stream;
use crate::xml::With;

/// How many requests are kept, and how many a client may have open.
const HOLD: usize = 1;
const REQUESTS: u64 = 2;
const INACTIVITY: Duration = Duration::from_secs(60);
const XBOSH: &str = "urn:xmpp:xbosh";
const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.example' version='1.0'/>";
const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

/// A request, and where its answer goes. Dropping that cuts the connection.
pub(crate) struct Request {
    pub rid: u64,
    pub body: Element,
    pub reply: oneshot::Sender<Vec<u8>>,
}

pub(crate) struct Session {
    stream: Stream,
    orders: UnboundedReceiver<Out>,
    number: u64,
    sid: String,
    /// The number of the next request.
    next: u64,
    early: BTreeMap<u64, Request>,
    held: VecDeque<(u64, oneshot::Sender<Vec<u8>>)>,
    answered: VecDeque<(u64, Vec<u8>)>,
    /// What goes into the next answer.
    outbox: Vec<Vec<u8>>,
    created: bool,
    wait: Duration,
    /// When the oldest request must be answered, or, without one, when the session is forgotten.
    deadline: Instant,
    /// The stream is over; with this condition.
    ended: Option<Option<String>>,
    /// The client has been told so.
    told: bool,
    trouble: Trouble,
}

/// What has been ordered.
#[derive(Default)]
struct Trouble {
    silent: bool,
    flood: Option<String>,
    swap_frames: bool,
    swapped_frame: Option<Vec<u8>>,
    lose_answer: bool,
    delay_answer: Option<Duration>,
    swap_answers: bool,
    swapped_answer: Option<(oneshot::Sender<Vec<u8>>, Vec<u8>)>,
}

impl Session {
    pub(super) fn new(
        stream: Stream,
        orders: UnboundedReceiver<Out>,
        number: u64,
        sid: String,
        next: u64,
    ) -> Self {
        Self {
            stream,
            orders,
            number,
            sid,
            next,
            early: BTreeMap::new(),
            held: VecDeque::new(),
            answered: VecDeque::new(),
            outbox: Vec::new(),
            created: false,
            wait: Duration::from_secs(60),
            deadline: Instant::now() + INACTIVITY,
            ended: None,
            told: false,
            trouble: Trouble::default(),
        }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The stream begins.
    pub(super) fn open(&mut self) {
        self.stream.handle_frame(OPEN);
    }

    /// Everything up to the bound resource; its JID, if the stream got there.
    pub(super) fn prebind(&mut self) -> Option<String> {
        let frames = [
            OPEN,
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
            OPEN,
            "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        ];
        frames.iter().for_each(|frame| self.stream.handle_frame(frame));
        // Someone else has had all that.
        while self.orders.try_recv().is_ok() {}
        self.created = true;
        self.stream.jid()
    }

    pub(super) async fn run(mut self, mut requests: UnboundedReceiver<Request>) {
        loop {
            tokio::select! {
                // As with a WebSocket, what is to be sent goes first.
                biased;
                Some(order) = self.orders.recv() => match order {
                    Out::Stall => std::future::pending().await,
                    Out::Forget => return,
                    order => self.obey(order),
                },
                Some(request) = requests.recv() => self.take(request),
                () = sleep_until(self.deadline) => {
                    if self.held.is_empty() {
                        return;
                    }
                    self.answer_oldest();
                }
            }
            if self.orders.is_empty() {
                self.answer();
            }
            if self.told && self.orders.is_empty() && self.held.is_empty() {
                return;
            }
        }
    }

    fn obey(&mut self, order: Out) {
        match order {
            // Its requests are lost; the session is not.
            Out::Cut => self.held.clear(),
            Out::End => drop(self.ended.get_or_insert(None)),
            Out::Terminate(condition) => self.ended = Some(condition),
            Out::CloseStream => self.stream.close(),
            Out::Fail(condition) => self.stream.fail(&condition),
            Out::Silence => self.trouble.silent = true,
            Out::Flood(text) => self.trouble.flood = Some(text),
            Out::Reorder => self.trouble.swap_frames = true,
            Out::LoseAnswer => self.trouble.lose_answer = true,
            Out::DelayAnswer(delay) => self.trouble.delay_answer = Some(delay),
            Out::SwapAnswers => self.trouble.swap_answers = true,
            Out::Text(text) => self.put(text.into_bytes()),
            Out::Raw(bytes) | Out::Binary(bytes) => self.put(bytes),
            // There are no fragments, and there is no stream management; the rest ends the task.
            Out::Split(_) | Out::Count { .. } | Out::Stall | Out::Forget => {}
        }
    }

    /// A frame of the stream. Those that frame it are what BOSH says by itself.
    fn put(&mut self, frame: Vec<u8>) {
        if frame.starts_with(b"<open ") && frame.ends_with(b">") {
            return;
        }
        if frame.starts_with(b"<close ") {
            let failed = self.outbox.iter().any(|frame| frame.starts_with(b"<error "));
            let condition = failed.then(|| "remote-stream-error".to_owned());
            self.ended.get_or_insert(condition);
            return;
        }
        if std::mem::take(&mut self.trouble.swap_frames) {
            self.trouble.swapped_frame = Some(frame);
            return;
        }
        self.outbox.push(frame);
        self.outbox.extend(self.trouble.swapped_frame.take());
    }

    fn take(&mut self, request: Request) {
        let rid = request.rid;
        if let Some((_, answer)) = self.answered.iter().find(|(answered, _)| *answered == rid) {
            let _ = request.reply.send(answer.clone());
        } else if let Some((_, reply)) = self.held.iter_mut().find(|(held, _)| *held == rid) {
            *reply = request.reply;
        } else if (self.next..self.next + REQUESTS).contains(&rid) {
            self.early.insert(rid, request);
        } else {
            let _ = request.reply.send(terminate(Some("item-not-found")));
        }
        while let Some(request) = self.early.remove(&self.next) {
            self.next += 1;
            self.handle(request);
        }
    }

    fn handle(&mut self, Request { rid, body, reply }: Request) {
        if let Some(wait) = body.attr("wait").and_then(|wait| wait.parse().ok()) {
            self.wait = self.wait.min(Duration::from_secs(wait));
        }
        if self.held.is_empty() {
            self.deadline = Instant::now() + self.wait;
        }
        self.held.push_back((rid, reply));
        if body.attr_ns::<str, str>(XBOSH, "restart") == Some("true") {
            self.open();
        }
        for child in body.children() {
            self.stream.handle_frame(&String::from(child));
        }
        if body.attr("type") == Some("terminate") {
            self.stream.handle_frame(CLOSE);
        }
    }

    /// Answers what need not, or must not, be kept.
    fn answer(&mut self) {
        while !self.held.is_empty() && !self.trouble.silent {
            let due = !self.outbox.is_empty() || self.trouble.flood.is_some() || self.ended.is_some();
            if !due && self.held.len() <= HOLD && self.created {
                return;
            }
            self.answer_oldest();
        }
    }

    fn answer_oldest(&mut self) {
        let Some((rid, reply)) = self.held.pop_front() else { return };
        self.deadline = Instant::now() + if self.held.is_empty() { INACTIVITY } else { self.wait };
        self.told = self.ended.is_some();
        let answer = self.compose();
        self.answered.push_back((rid, answer.clone()));
        if self.answered.len() > 2 {
            self.answered.pop_front();
        }
        if std::mem::take(&mut self.trouble.lose_answer) {
            return;
        }
        if let Some(delay) = self.trouble.delay_answer.take() {
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                // A client that has given the request up is gone.
                let _ = reply.send(answer);
            });
        } else if std::mem::take(&mut self.trouble.swap_answers) {
            self.trouble.swapped_answer = Some((reply, answer));
        } else {
            let _ = reply.send(answer);
            if let Some((reply, answer)) = self.trouble.swapped_answer.take() {
                let _ = reply.send(answer);
            }
        }
    }

    fn compose(&mut self) -> Vec<u8> {
        let mut body = body();
        if !std::mem::replace(&mut self.created, true) {
            body = body
                .with("sid", &self.sid)
                .with("authid", "stream-1")
                .with("from", DOMAIN)
                .with("ver", "1.6")
                .with("accept", "gzip")
                .with("wait", &self.wait.as_secs().to_string())
                .with("hold", &HOLD.to_string())
                .with("requests", &REQUESTS.to_string())
                .with("polling", "5")
                .with("inactivity", &INACTIVITY.as_secs().to_string());
        }
        if let Some(condition) = &self.ended {
            body = body.with("type", "terminate").with_some("condition", condition.as_deref());
        }
        let mut text = String::from(&body.build()).into_bytes();
        let flood = self.trouble.flood.iter().flat_map(|text| std::iter::repeat_n(text.as_bytes(), 50));
        let frames: Vec<_> = self.outbox.iter().map(Vec::as_slice).chain(flood).collect();
        if !frames.is_empty() {
            text.truncate(text.len() - "/>".len());
            text.push(b'>');
            frames.iter().for_each(|frame| text.extend_from_slice(frame));
            text.extend_from_slice(b"</body>");
        }
        self.outbox.clear();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bosh::HTTPBIND;

    #[test]
    fn an_empty_body_is_written_as_it_is_taken_apart() {
        let empty = String::from(&body().build());
        assert!(empty.ends_with("/>") && empty.contains(HTTPBIND), "{empty}");
    }
}
