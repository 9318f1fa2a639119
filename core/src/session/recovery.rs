//! What happens when a transport is lost or an attempt fails: resume, reconnect, or give up. And `refreshToken`,
//! which is a resume on purpose.

use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::login::{Login, Purpose};
use super::{CallId, Credentials, Ending, Link, Output, Phase, Session, failures, token};
use crate::xml::{Element, condition_and_text, ns};
use crate::{Code, Completed, Error, Event, Failure};

/// The recovery under way. The default is none.
#[derive(Default)]
pub(super) struct Recovery {
    /// When the transport was lost.
    since: Option<Instant>,
    /// When the server forgets the session.
    give_up: Option<Instant>,
    /// Attempts made since then.
    attempts: u32,
    /// When the next attempt is due.
    retry: Option<Instant>,
    /// The token has expired: the next attempt is made with another one.
    awaits_token: bool,
    /// The network is known to be away: no attempt makes sense.
    offline: bool,
    refresh: Option<Refresh>,
}

/// A `refreshToken` under way.
struct Refresh {
    call: CallId,
    /// The transport of the old token is parked: if the new one is refused, the session goes on with the old.
    parked: Option<Option<String>>,
}

impl Recovery {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let retry = if self.offline { None } else { self.retry };
        [retry, self.give_up].into_iter().flatten().min()
    }

    /// The call of the `refreshToken` under way.
    pub(super) fn refreshing(&self) -> Option<CallId> {
        self.refresh.as_ref().map(|refresh| refresh.call)
    }

    /// Nothing is due any more.
    pub(super) fn end(&mut self) {
        *self = Self { refresh: self.refresh.take(), ..Self::default() };
    }

    /// The session is established: what led here is over.
    pub(super) fn succeeded(&mut self) {
        *self = Self { offline: self.offline, refresh: self.refresh.take(), ..Self::default() };
    }
}

impl Session {
    pub(super) fn attempt_fresh(&mut self, now: Instant) {
        self.attachment = None;
        self.management = None;
        self.recovery.retry = None;
        if let Credentials::Anonymous { domain } = &mut self.credentials {
            // A token that came meanwhile makes another of a guest.
            self.config.guest_domain(self.token.as_deref()).clone_into(domain);
        }
        if self.needs_conference() {
            self.link = Link::None;
            return self.request_conference_first(now);
        }
        self.forget_server();
        self.open(now, Purpose::Fresh, self.config.connect_timeout);
    }

    fn attempt_resume(&mut self, now: Instant) {
        self.open(now, Purpose::Resume, self.config.resume.attempt_timeout);
    }

    pub(super) fn open(&mut self, now: Instant, purpose: Purpose, patience: Duration) {
        self.recovery.retry = None;
        self.unwritten_bytes = 0;
        self.link = Link::Opening(Login::new(purpose, now, patience));
        // Jitsi's authentication modules look the old user up by it.
        let resumption = self.management.as_ref().and_then(super::Management::resumption);
        let previd =
            resumption.filter(|_| purpose == Purpose::Resume).map(|resumption| resumption.id.clone());
        self.outputs.push_back(Output::Open {
            room: self.room.clone(),
            token: self.token.clone(),
            previd,
            attachment: self.attachment.clone(),
        });
    }

    /// The transport broke, or the peer broke the protocol on it.
    pub(super) fn link_failed(&mut self, now: Instant, failure: Failure) {
        match self.link {
            Link::Up if self.phase == Phase::Closing => self.end(Ending::Disconnected),
            // What the peer sent would come again: no resume.
            Link::Up if !failure.transient => self.lose_session(now, None, failure),
            Link::Up => self.interrupt(now, failure),
            Link::None => {}
            Link::Opening(_) | Link::Login(_) => self.attempt_failed(now, failure),
        }
    }

    /// The server closed the stream: the session is over on its side too.
    pub(super) fn link_closed(&mut self, now: Instant, failure: Failure) {
        match self.link {
            Link::Up => self.lose_session(now, None, failure),
            Link::None => {}
            Link::Opening(_) | Link::Login(_) => self.attempt_failed(now, failure),
        }
    }

    /// An established session has lost its transport.
    fn interrupt(&mut self, now: Instant, failure: Failure) {
        let resumption = self.management.as_ref().and_then(super::Management::resumption);
        let Some(max) = resumption.map(|resumption| resumption.max) else {
            return self.lose_session(now, None, failure);
        };
        let silent = failure.code == Code::PingTimeout;
        if silent && self.management.as_mut().is_some_and(super::Management::is_deaf) {
            let failure = failures::deaf(&self.config);
            return self.lose_session(now, None, failure);
        }
        self.outputs.push_back(Output::Drop);
        self.link = Link::None;
        self.phase = Phase::Interrupted;
        self.recovery.since = Some(now);
        self.recovery.attempts = 0;
        self.recovery.give_up =
            Some(now + self.config.resume.max_elapsed.map_or(max, |limit| limit.min(max)));
        self.schedule(now, self.config.resume.backoff);
        self.outputs.push_back(Output::Interrupted(Box::new(failure)));
    }

    fn schedule(&mut self, now: Instant, backoff: Backoff) {
        let delay = backoff.delay(self.recovery.attempts + 1, &mut self.rng);
        self.recovery.retry = Some(now + delay);
    }

    /// A deadline of the recovery may have come.
    pub(super) fn recover(&mut self, now: Instant) {
        if self.recovery.give_up.is_some_and(|give_up| give_up <= now) {
            let failure = match self.recovery.awaits_token {
                true => failures::token_expired(&self.config),
                false => failures::resume_timeout(&self.config, self.recovery.attempts),
            };
            return self.lose_session(now, None, failure);
        }
        if self.recovery.offline || self.recovery.retry.is_none_or(|retry| now < retry) {
            return;
        }
        if self.token_has_expired(now) {
            return self.await_token();
        }
        self.recovery.attempts += 1;
        if self.management.is_some() { self.attempt_resume(now) } else { self.attempt_fresh(now) }
    }

    /// A server would refuse it.
    fn token_has_expired(&self, now: Instant) -> bool {
        let expiry = self.token.as_deref().and_then(token::expiry);
        expiry.is_some_and(|expiry| self.wall.until(now, expiry).is_zero())
    }

    fn await_token(&mut self) {
        self.recovery.retry = None;
        if self.management.is_none() {
            // No server keeps anything that the wait would be for.
            return self.end_lost(None, failures::token_expired(&self.config));
        }
        self.recovery.awaits_token = true;
        self.outputs.push_back(Output::Event(Event::TokenExpired));
    }

    /// The attempt of the moment has failed.
    pub(super) fn attempt_failed(&mut self, now: Instant, failure: Failure) {
        if let Link::Opening(login) | Link::Login(login) = std::mem::replace(&mut self.link, Link::None) {
            self.attempt_failed_on(now, login, failure);
        }
    }

    pub(super) fn attempt_failed_on(&mut self, now: Instant, login: Box<Login>, failure: Failure) {
        self.outputs.push_back(Output::Drop);
        match login.purpose {
            Purpose::Resume if self.return_to_parked(now, &failure) => {}
            Purpose::Resume if failure.transient => self.schedule(now, self.config.resume.backoff),
            _ => self.lose_session(now, None, failure),
        }
    }

    /// There is no session on the server, or no longer: reconnect if that is wanted and makes sense, else fail.
    pub(super) fn lose_session(&mut self, now: Instant, h: Option<u32>, failure: Failure) {
        if self.recovery.give_up.take().is_some() {
            // Those were to resume.
            self.recovery.attempts = 0;
        }
        let again = self.config.reconnect.filter(|policy| {
            let attempts_left = policy.max_attempts.is_none_or(|max| self.recovery.attempts < max);
            // What someone else has set up only they can set up again.
            failure.transient && attempts_left && self.attachment.is_none()
        });
        let Some(policy) = again else { return self.end_lost(h, failure) };
        self.lose_stanzas(h);
        self.lose_rooms(false, false);
        self.outputs.push_back(Output::Drop);
        self.link = Link::None;
        if self.phase == Phase::Connected {
            self.phase = Phase::Interrupted;
        }
        self.recovery.since.get_or_insert(now);
        self.schedule(now, policy.backoff);
        self.outputs.push_back(Output::Interrupted(Box::new(failure)));
    }

    fn end_lost(&mut self, h: Option<u32>, failure: Failure) {
        self.lose_stanzas(h);
        self.end(Ending::Failed(Box::new(failure)));
    }

    /// The server has no stream management and said so by closing the stream: once more, without.
    pub(super) fn log_in_without_management(&mut self, now: Instant) {
        self.learn(super::Known { no_management: true, ..self.known });
        self.jid = None;
        self.attempt_fresh(now);
    }

    pub(super) fn handle_resumed(
        &mut self,
        now: Instant,
        round_trips: u32,
        element: &Element<'_>,
    ) -> Result<(), Box<Failure>> {
        let Some(management) = &mut self.management else { return Ok(()) };
        let same = management.resumption().is_some_and(|old| element.attribute("previd") == Some(&old.id));
        let h = element.attribute("h").and_then(|h| h.parse().ok());
        let (true, Some(h)) = (same, h) else {
            return Err(Box::new(failures::unexpected(&self.config, element, "the session to resume")));
        };
        let (settled, again) =
            management.resume(h).map_err(|bad| Box::new(failures::bad_count(&self.config, bad)))?;
        let resent = management.unacknowledged_of_caller();
        self.outputs.push_back(Output::DropParked);
        self.settle(settled);
        self.reached(crate::Milestone::Resumed);
        let any = !again.is_empty();
        for xml in again {
            self.send_text(xml);
        }
        if any {
            self.send(&Element::new("r", ns::SM));
        }
        let downtime =
            self.recovery.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let attempts = self.recovery.attempts.max(1);
        self.outputs.push_back(Output::Resumed { attempts, downtime, resent });
        self.establish(now, round_trips, true);
        Ok(())
    }

    /// `<failed/>`: the session is gone. What the server had handled of ours it may still say.
    pub(super) fn handle_resume_refused(&mut self, now: Instant, element: &Element<'_>) {
        let (condition, text) = condition_and_text(element, ns::STANZA_ERRORS);
        let failure = failures::resume_refused(&self.config, condition, text);
        if self.return_to_parked(now, &failure) {
            return;
        }
        let h = element.attribute("h").and_then(|h| h.parse().ok());
        self.lose_session(now, h, failure);
    }

    /// `refreshToken`: from now on with this token.
    pub(crate) fn refresh_token(&mut self, now: Instant, call: CallId, token: String) {
        // The transport of the token before both stays parked: it is what a refusal leads back to.
        let mut parked = self.recovery.refresh.as_mut().and_then(|refresh| refresh.parked.take());
        self.abandon_refresh();
        self.recovery.awaits_token = false;
        // An empty token is none, as at construction.
        let old = std::mem::replace(&mut self.token, Some(token).filter(|token| !token.is_empty()));
        let resumable = self.management.as_ref().is_some_and(|management| management.resumption().is_some());
        match self.phase {
            // It needs no token: the session is logged in. The next one does.
            Phase::Connecting if self.attachment.is_some() => {}
            Phase::Connecting => {
                self.outputs.push_back(Output::Drop);
                self.attempt_fresh(now);
            }
            Phase::Connected if parked.is_some() => {
                self.outputs.push_back(Output::Drop);
                self.attempt_resume(now);
            }
            Phase::Connected if resumable && self.is_up() => {
                parked = Some(old);
                self.outputs.push_back(Output::Park);
                self.recovery.since = Some(now);
                self.attempt_resume(now);
            }
            Phase::Connected | Phase::Interrupted if resumable => {
                self.outputs.push_back(Output::Drop);
                self.link = Link::None;
                self.phase = Phase::Interrupted;
                self.recovery.retry = Some(now);
            }
            // A fresh login on the same object.
            Phase::Connected => {
                self.send(&Element::new("presence", ns::CLIENT).with_attribute("type", "unavailable"));
                self.send(&Element::new("close", ns::FRAMING));
                self.lose_stanzas(None);
                self.lose_rooms(false, false);
                self.phase = Phase::Interrupted;
                self.attempt_fresh(now);
            }
            // There is no session to lose: what is held waits for the one to come.
            Phase::Interrupted => {
                self.outputs.push_back(Output::Drop);
                self.attempt_fresh(now);
            }
            Phase::Closing | Phase::Ended => {
                return self.complete(call, Err(Error::NotConnected));
            }
        }
        self.recovery.refresh = Some(Refresh { call, parked });
    }

    /// The new token was refused and the old transport still stands: goes on with it. False if there is none.
    fn return_to_parked(&mut self, now: Instant, failure: &Failure) -> bool {
        let parked = self.recovery.refresh.as_mut().and_then(|refresh| refresh.parked.take());
        let Some(old) = parked else { return false };
        let refused = std::mem::replace(&mut self.token, old);
        self.outputs.push_back(Output::Unpark);
        self.outputs.push_back(Output::TokenRefused(refused));
        self.link = Link::Up;
        self.liveness.start(now);
        self.recovery.succeeded();
        if let Some(refresh) = self.recovery.refresh.take() {
            self.complete(refresh.call, Err(Error::ConnectionFailed(Box::new(failure.clone()))));
        }
        self.send_held(now);
        true
    }

    /// Takes the parked transport back, if there is one: to say goodbye on it.
    pub(super) fn unpark(&mut self) {
        if self.recovery.refresh.as_mut().is_some_and(|refresh| refresh.parked.take().is_some()) {
            self.outputs.push_back(Output::Unpark);
            self.link = Link::Up;
        }
    }

    /// The session is established with the new token.
    pub(super) fn complete_refresh(&mut self) {
        if let Some(refresh) = self.recovery.refresh.take() {
            self.complete(refresh.call, Ok(Completed::Done));
        }
    }

    /// A newer token has overtaken it.
    fn abandon_refresh(&mut self) {
        if let Some(refresh) = self.recovery.refresh.take() {
            self.complete(refresh.call, Err(Error::Aborted("a newer token came")));
        }
    }

    /// The caller knows about the network: without it no attempt is made, and one is made as soon as it is back.
    pub(crate) fn set_online(&mut self, now: Instant, online: bool) {
        self.recovery.offline = !online;
        if online && self.recovery.retry.is_some() {
            self.recovery.retry = Some(now);
        }
    }
}
