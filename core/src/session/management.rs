//! Stream management (XEP-0198): who has handled what. Counters and queues, nothing else.

use std::collections::VecDeque;
use std::time::Duration;

use super::CallId;

/// Ask the server to acknowledge at the latest after this many stanzas (XEP-0198, section 4).
const REQUEST_EVERY: usize = 5;
/// Acknowledge unasked at the latest after this many: Prosody refuses to resume a session with more than 500
/// unacknowledged ones, and does not ask while we are slow to read.
const ACKNOWLEDGE_EVERY: u32 = 100;

/// So often a session is resumed that then handles nothing. It may be the link's fault, but hardly every time: Prosody
/// 0.12 reads on in the middle of a frame that the old link had cut in two, and waits for the end of what is none.
const RESUMES_IN_VAIN: u32 = 2;

/// A stanza that the caller has sent.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Outgoing {
    pub xml: String,
    /// The call that waits for its outcome.
    pub call: Option<CallId>,
    /// The call that waits for the answer to this request.
    pub iq: Option<CallId>,
}

/// A session that the server keeps for us.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Resumption {
    /// `previd` of the resume request. A secret: who knows it can take the session over.
    pub id: String,
    /// How long the server keeps the session without a transport.
    pub max: Duration,
}

/// `h` is not a count that the server can have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadCount {
    /// More than we have sent (XEP-0198, section 4: `handled-count-too-high`).
    TooHigh { sent: u32 },
    /// Less than the server had acknowledged before.
    Backwards,
}

/// The two directions of a managed stream. All counters wrap at 2^32.
#[derive(Default)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Management {
    resumption: Option<Resumption>,
    /// Stanzas of the server that we have handled.
    handled: u32,
    /// `handled` as we told it last.
    told: u32,
    /// Our stanzas that the server has acknowledged.
    acknowledged: u32,
    unacknowledged: VecDeque<Outgoing>,
    bytes: usize,
    /// How many of the unacknowledged the last `<r/>` covers, while it is unanswered.
    requested: Option<usize>,
    /// Resumed, and nothing was acknowledged since.
    untried: bool,
    /// How often in a row it stayed so until the link was found dead.
    in_vain: u32,
}

impl Management {
    pub(crate) fn new(resumption: Option<Resumption>) -> Self {
        Self { resumption, ..Self::default() }
    }

    pub(crate) const fn resumption(&self) -> Option<&Resumption> {
        self.resumption.as_ref()
    }

    /// Our stanza goes out. True if the server is to be asked for an acknowledgement behind it: at once while no
    /// request is under way, so that a lone stanza is settled in one round trip, else every few stanzas.
    #[must_use]
    pub(crate) fn sent(&mut self, stanza: Outgoing) -> bool {
        self.bytes += stanza.xml.len();
        self.unacknowledged.push_back(stanza);
        self.request_due()
    }

    /// The stream has been idle: the next stanza asks, whatever has been asked for before.
    pub(crate) const fn idle(&mut self) {
        self.requested = None;
    }

    fn request_due(&mut self) -> bool {
        let covered = self.requested.unwrap_or(0);
        let due = match self.requested {
            None => !self.unacknowledged.is_empty(),
            Some(_) => self.unacknowledged.len() >= covered + REQUEST_EVERY,
        };
        if due {
            self.requested = Some(self.unacknowledged.len());
        }
        due
    }

    /// The server has handled `h` of our stanzas: those that this settles, in order, and whether to ask again.
    pub(crate) fn acknowledge(&mut self, h: u32) -> Result<(Vec<Outgoing>, bool), BadCount> {
        let settled = self.settle(h)?;
        self.requested =
            self.requested.and_then(|covered| covered.checked_sub(settled.len())).filter(|left| *left > 0);
        Ok((settled, self.request_due()))
    }

    fn settle(&mut self, h: u32) -> Result<Vec<Outgoing>, BadCount> {
        let settled = h.wrapping_sub(self.acknowledged);
        // Serial number arithmetic (RFC 1982): the upper half of the circle lies behind.
        if settled > u32::MAX / 2 {
            return Err(BadCount::Backwards);
        }
        let count = usize::try_from(settled).unwrap_or(usize::MAX);
        if count > self.unacknowledged.len() {
            let waiting = u32::try_from(self.unacknowledged.len()).unwrap_or(u32::MAX);
            return Err(BadCount::TooHigh { sent: self.acknowledged.wrapping_add(waiting) });
        }
        self.acknowledged = h;
        if count > 0 {
            self.untried = false;
            self.in_vain = 0;
        }
        let settled: Vec<_> = self.unacknowledged.drain(..count).collect();
        self.bytes -= settled.iter().map(|stanza| stanza.xml.len()).sum::<usize>();
        Ok(settled)
    }

    /// How many of the unacknowledged the caller has sent; the others are our own pings and answers.
    pub(crate) fn unacknowledged_of_caller(&self) -> usize {
        self.unacknowledged.iter().filter(|stanza| stanza.call.is_some() || stanza.iq.is_some()).count()
    }

    /// The session lives on over a new transport, and the server has handled `h`: those that this settles, and
    /// those to be sent again, in order.
    pub(crate) fn resume(&mut self, h: u32) -> Result<(Vec<Outgoing>, Vec<String>), BadCount> {
        let settled = self.settle(h)?;
        self.untried = true;
        self.requested = None;
        self.told = self.handled;
        Ok((settled, self.unacknowledged.iter().map(|stanza| stanza.xml.clone()).collect()))
    }

    /// The server has answered nothing any more. True if it is of no use to resume the session once more.
    #[must_use]
    pub(crate) fn is_deaf(&mut self) -> bool {
        self.in_vain += u32::from(std::mem::take(&mut self.untried));
        self.in_vain >= RESUMES_IN_VAIN
    }

    /// The session is gone; the server has handled `h` of our stanzas, if it says so (`h` on `<failed/>`): those
    /// that this settles and those that are lost.
    pub(crate) fn lose(mut self, h: Option<u32>) -> (Vec<Outgoing>, Vec<Outgoing>) {
        // A count that cannot be true settles nothing: the session is lost all the same.
        let settled = h.and_then(|h| self.settle(h).ok()).unwrap_or_default();
        (settled, self.unacknowledged.into())
    }

    /// A stanza of the server has been handled. True if it is to be told so unasked.
    #[must_use]
    pub(crate) const fn received(&mut self) -> bool {
        self.handled = self.handled.wrapping_add(1);
        self.handled.wrapping_sub(self.told) >= ACKNOWLEDGE_EVERY
    }

    /// A queue keeps its room when it is empty.
    pub(crate) fn rest(&mut self) {
        if self.unacknowledged.is_empty() {
            self.unacknowledged = VecDeque::new();
        }
    }

    /// The count for `<a/>` and `<resume/>`, which we are about to tell.
    pub(crate) const fn tell(&mut self) -> u32 {
        self.told = self.handled;
        self.handled
    }

    /// Whether the server has not been told of all that we handled.
    pub(crate) const fn owes_acknowledgement(&self) -> bool {
        self.handled != self.told
    }

    pub(crate) fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(n: u64) -> Outgoing {
        Outgoing { xml: format!("<message id='{n}'/>"), call: Some(CallId(n)), iq: None }
    }

    fn calls(stanzas: &[Outgoing]) -> Vec<u64> {
        stanzas.iter().filter_map(|stanza| stanza.call).map(|call| call.0).collect()
    }

    fn at(count: u32) -> Management {
        Management { handled: count, told: count, acknowledged: count, ..Management::default() }
    }

    #[test]
    fn every_stanza_is_settled_once_and_in_order_across_the_wrap() {
        let mut management = at(u32::MAX - 1);
        (0..5).for_each(|n| assert_eq!(management.sent(stanza(n)), n == 0));
        let (settled, _) = management.acknowledge(u32::MAX).unwrap();
        assert_eq!(calls(&settled), [0]);
        let (settled, _) = management.acknowledge(1).unwrap();
        assert_eq!(calls(&settled), [1, 2]);
        let (settled, lost) = management.lose(Some(2));
        assert_eq!((calls(&settled), calls(&lost)), (vec![3], vec![4]));
    }

    #[test]
    fn a_count_that_cannot_be_true_is_refused_and_changes_nothing() {
        for start in [0, 7, u32::MAX] {
            let mut management = at(start);
            let _ = management.sent(stanza(1));
            let sent = start.wrapping_add(1);
            assert_eq!(management.acknowledge(start.wrapping_add(2)), Err(BadCount::TooHigh { sent }));
            assert_eq!(management.acknowledge(start.wrapping_sub(1)), Err(BadCount::Backwards));
            assert_eq!(calls(&management.acknowledge(sent).unwrap().0), [1]);
        }
    }

    #[test]
    fn a_lone_stanza_is_asked_for_at_once_and_many_every_five() {
        let mut management = Management::default();
        let asked: Vec<bool> = (0..12).map(|n| management.sent(stanza(n))).collect();
        let expected: Vec<bool> = (0..12).map(|n| matches!(n, 0 | 5 | 10)).collect();
        assert_eq!(asked, expected);
        // The answer to the first request leaves others open; the answer to the last leaves one stanza unasked for.
        assert!(!management.acknowledge(1).unwrap().1);
        assert!(!management.acknowledge(6).unwrap().1);
        assert!(management.acknowledge(11).unwrap().1);
        assert!(!management.acknowledge(12).unwrap().1);
    }

    #[test]
    fn what_was_not_handled_is_sent_again_in_order() {
        let mut management = Management::default();
        (0..4).for_each(|n| assert_eq!(management.sent(stanza(n)), n == 0));
        let (settled, again) = management.resume(2).unwrap();
        assert_eq!(calls(&settled), [0, 1]);
        assert_eq!(again, [stanza(2).xml, stanza(3).xml]);
        assert_eq!(management.unacknowledged(), 2);
        assert_eq!(management.bytes(), again.iter().map(String::len).sum::<usize>());
    }

    #[test]
    fn the_server_is_told_unasked_before_it_waits_for_too_many() {
        let mut management = at(u32::MAX - 50);
        let mut received = 1;
        while !management.received() {
            received += 1;
        }
        assert_eq!(received, ACKNOWLEDGE_EVERY);
        assert!(management.owes_acknowledgement());
        assert_eq!(management.tell(), (u32::MAX - 50).wrapping_add(100));
        assert!(!management.owes_acknowledgement());
    }
}
