//! XMPP over BOSH (XEP-0124, XEP-0206): the session is in `machine`, without sockets; here it gets them.

mod body;
mod client;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod machine;
mod retry;
#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use fastrand::Rng;
use tokio::time::Sleep;
use url::Url;

use self::client::{Client, Exchange};
use self::machine::Machine;
use self::retry::Retry;
use super::TransportError;
use crate::frame::Frame;
use crate::options::Config;
use crate::session::{Attachment, Entropy};
use crate::times::Milestone;

/// A BOSH session. As long as it is polled, it keeps a request open that the server can answer with what it has.
pub(crate) struct Bosh {
    machine: Machine,
    client: Client,
    exchanges: Vec<Exchange>,
    timer: Pin<Box<Sleep>>,
    armed: Option<Instant>,
    round_trips: u32,
}

impl Bosh {
    /// Opens the first connection, trying again for as long as a request may take. With an attachment it is that
    /// session; else one is created as soon as the stream is opened.
    pub(crate) async fn open(
        config: Arc<Config>,
        url: Url,
        attachment: Option<Attachment>,
        reached: &mut (dyn FnMut(Milestone) + Send),
    ) -> Result<Self, TransportError> {
        let mut random = Rng::with_seed(Entropy::fresh().seed);
        let mut retry = Retry::new(random.fork(), config.http_timeout);
        let (patience, limit) = (config.http_timeout, config.max_stanza_bytes);
        let mut client = Client::new(config, url);
        let round_trips = loop {
            match client.open(reached).await {
                Ok(round_trips) => break round_trips,
                Err(error) => tokio::time::sleep_until(retry.failed(Instant::now(), error)?.into()).await,
            }
        };
        client.prepare();
        let now = Instant::now();
        retry.succeeded();
        let machine = Machine::new(&mut random, retry, patience, limit, now);
        let machine = match attachment {
            Some(Attachment { sid, rid, .. }) => machine.attach(sid, rid),
            None => machine,
        };
        let timer = Box::pin(tokio::time::sleep_until(now.into()));
        Ok(Self { machine, client, exchanges: Vec::new(), timer, armed: None, round_trips })
    }

    /// What it took to open it.
    pub(crate) const fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// Queues a frame. What is queued while no request may be sent goes out together.
    pub(crate) fn send(&mut self, frame: &str) {
        self.machine.send(frame);
    }

    /// Sends what may be sent. Tells whether all that was queued has left for the network.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, TransportError>> {
        self.drive(cx);
        Poll::Ready(Ok(self.machine.take_flushed()))
    }

    /// Reads the next frame.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.drive(cx);
        self.machine.poll_frame().map_or(Poll::Pending, Poll::Ready)
    }

    /// Sends what is queued and terminates the session, if that has not been done. The caller sets the deadline.
    pub(crate) async fn close(mut self) {
        self.machine.close();
        poll_fn(|cx| {
            self.drive(cx);
            // Nobody wants to know what still comes, but the server sends it before it is done.
            while let Some(Ok(_)) = self.machine.poll_frame() {}
            if self.machine.has_ended() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Does everything that can be done at this moment.
    fn drive(&mut self, cx: &mut Context<'_>) {
        self.client.poll(cx);
        loop {
            let now = Instant::now();
            self.machine.handle_timeout(now);
            self.poll_exchanges(cx, now);
            let Some(post) = self.machine.poll_request(now) else { break };
            // What is left of an older attempt is given up with its connection.
            self.exchanges.retain(|exchange| exchange.rid != post.rid);
            self.exchanges.push(self.client.post(post));
        }
        self.arm(cx);
    }

    fn poll_exchanges(&mut self, cx: &mut Context<'_>, now: Instant) {
        let mut index = 0;
        while let Some(exchange) = self.exchanges.get_mut(index) {
            let (rid, attempt) = (exchange.rid, exchange.attempt);
            let outcome = exchange.poll(cx);
            if exchange.is_written() {
                self.machine.handle_written(now, rid);
            }
            if exchange.has_progressed() {
                self.machine.handle_progress(now, rid);
            }
            match outcome {
                Poll::Pending => index += 1,
                Poll::Ready((outcome, channel)) => {
                    if let Err(error) = &outcome {
                        tracing::debug!(attempt, "a request failed: {error}");
                    }
                    self.exchanges.swap_remove(index);
                    channel.into_iter().for_each(|channel| self.client.keep(channel));
                    self.machine.handle_response(now, rid, attempt, outcome);
                }
            }
        }
    }

    /// Wakes the task when the machine wants to be asked again.
    fn arm(&mut self, cx: &mut Context<'_>) {
        let due = self.machine.poll_timeout();
        if due != self.armed {
            self.armed = due;
            if let Some(due) = due {
                self.timer.as_mut().reset(due.into());
            }
        }
        if due.is_some() && self.timer.as_mut().poll(cx).is_ready() {
            // It came due between the two looks at the clock.
            self.armed = None;
            cx.waker().wake_by_ref();
        }
    }
}
