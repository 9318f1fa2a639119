//! From the open transport to the established session (RFC 6120, sections 4, 6 and 7, framed by RFC 7395, with
//! XEP-0198).
//!
//! What the server answers is the same whether our part goes out step by step or in bursts, so there is one
//! sequence of steps, named after what is waited for; only the moment of sending differs. The bursts are those that
//! a Jitsi server survives: `open, auth`; then, once `success` has been seen, `open, bind, enable`. The second
//! `open` never goes out before `success`, except when an anonymous session is resumed: Prosody would answer it, and
//! then lose the reset of its parser.

use std::time::{Duration, Instant};

use data_encoding::BASE64;

use super::credentials::Mechanism;
use super::management::{Management, Outgoing, Resumption};
use super::scram::{SaltedPassword, Scram};
use super::{Link, Output, Phase, Session, failures};
use crate::runtime;
use crate::times::Milestone;
use crate::xml::{Element, condition_and_text, ns};

/// The negotiation on one transport.
pub(super) struct Login {
    pub purpose: Purpose,
    pub deadline: Instant,
    /// What the deadline was set to, for messages.
    pub patience: Duration,
    pub step: Step,
    /// What was asked for, and whether the answer is still to come.
    mechanism: Option<Mechanism>,
    offered: Vec<Mechanism>,
    scram: Option<Scram>,
    enabling: Enabling,
    /// Everything went out in one burst.
    one_burst: bool,
    round_trips: u32,
}

/// The request for stream management.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Enabling {
    NotAsked,
    Asked,
    /// Granted or refused.
    Answered,
}

/// What the negotiation is to end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new session.
    Fresh,
    /// The old session on a new transport.
    Resume,
    /// A session that someone else has set up.
    Attach,
}

/// What the negotiation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Header,
    Features,
    Authentication,
    /// The key is being derived; the server waits for us.
    Derivation,
    AuthenticatedHeader,
    AuthenticatedFeatures,
    /// `session` tells whether the server requires the session request of RFC 3921 after the bind.
    Bind {
        session: bool,
    },
    Session,
    Enable,
    Resume,
    /// The server is to show that it knows the session.
    Attach,
}

const BIND_ID: &str = "bind";
const SESSION_ID: &str = "session";

impl Step {
    pub(super) const fn waiting_for(self) -> &'static str {
        match self {
            Self::Header | Self::AuthenticatedHeader => "the stream header <open/>",
            Self::Features | Self::AuthenticatedFeatures => "the stream features",
            Self::Authentication => "the answer to the authentication",
            Self::Derivation => "the key derivation",
            Self::Bind { .. } => "the answer to the resource binding",
            Self::Session => "the answer to the session request",
            Self::Enable => "the answer to the request for stream management",
            Self::Resume => "the answer to the request to resume",
            Self::Attach => "the first answer in the session",
        }
    }
}

impl Login {
    pub(super) fn new(purpose: Purpose, now: Instant, patience: Duration) -> Box<Self> {
        Box::new(Self {
            purpose,
            deadline: now + patience,
            patience,
            step: Step::Header,
            mechanism: None,
            offered: Vec::new(),
            scram: None,
            enabling: Enabling::NotAsked,
            one_burst: false,
            round_trips: 0,
        })
    }

    /// The option that the deadline comes from: an attempt to resume has one for all of it.
    pub(super) const fn option(&self, fresh: &'static str) -> &'static str {
        match self.purpose {
            Purpose::Fresh | Purpose::Attach => fresh,
            Purpose::Resume => "resume.attemptTimeout",
        }
    }

    pub(super) const fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// Whether this stream error is how a server without XEP-0198 answers `<enable/>`.
    pub(super) fn refuses_management(&self, error: &Element<'_>) -> bool {
        self.enabling == Enabling::Asked
            && self.purpose == Purpose::Fresh
            && condition_and_text(error, ns::STREAM_ERRORS).0.as_deref() == Some("unsupported-stanza-type")
    }
}

impl Login {
    fn is_enable_answer(&self, element: &Element<'_>) -> bool {
        self.enabling == Enabling::Asked && (element.is("enabled", ns::SM) || element.is("failed", ns::SM))
    }
}

/// `<a h=…/>`.
pub(super) fn acknowledgement(h: u32) -> Element<'static> {
    Element::new("a", ns::SM).with_attribute("h", h.to_string())
}

impl Session {
    /// The transport is open: the first burst.
    pub(super) fn start_login(&mut self, now: Instant, mut login: Box<Login>, round_trips: u32) {
        // An attempt to resume has one deadline for all of it.
        if login.purpose != Purpose::Resume {
            login.patience = self.config.login_timeout;
            login.deadline = now + login.patience;
        }
        login.round_trips = round_trips + 1;
        if login.purpose == Purpose::Attach {
            return self.start_attach(login);
        }
        self.open_stream();
        if self.config.pipelining
            && let Some(mechanism) = self.credentials.blind(&self.config, self.known)
        {
            self.authenticate(&mut login, mechanism);
            // There it cannot go out before the answer to the header.
            login.round_trips += u32::from(self.config.uses_bosh());
            if login.purpose == Purpose::Resume && mechanism == Mechanism::Anonymous {
                login.one_burst = true;
                self.open_stream();
                self.request_resume();
            }
        }
        self.link = Link::Login(login);
    }

    fn open_stream(&mut self) {
        let open = Element::new("open", ns::FRAMING)
            .with_attribute("to", self.credentials.domain())
            .with_attribute("version", "1.0")
            .to_xml();
        self.send_text(open);
    }

    fn authenticate(&mut self, login: &mut Login, mechanism: Mechanism) {
        login.mechanism = Some(mechanism);
        login.scram = mechanism.hash().map(|hash| {
            let username = match &self.credentials {
                super::Credentials::Account(account) => account.username.as_str(),
                super::Credentials::Anonymous { .. } => "",
            };
            Scram::new(hash, username, self.nonces.next())
        });
        let plain = (mechanism == Mechanism::Plain).then(|| self.credentials.plain());
        let mut auth = Element::new("auth", ns::SASL).with_attribute("mechanism", mechanism.name());
        if let Some(scram) = &login.scram {
            auth = auth.with_text(BASE64.encode(scram.client_first().as_bytes()));
        } else if let Some(plain) = &plain {
            auth = auth.with_text(plain.as_str());
        }
        self.reached(Milestone::Authenticating);
        self.send(&auth);
    }

    pub(super) fn handle_login(&mut self, now: Instant, mut login: Box<Login>, element: &Element<'_>) {
        let next = self.take_step(now, &mut login, element);
        match next {
            Ok(Some(step)) => {
                login.step = step;
                self.link = Link::Login(login);
            }
            // Established, or on to something else.
            Ok(None) => {}
            Err(failure) => self.attempt_failed_on(now, login, *failure),
        }
    }

    fn take_step(
        &mut self,
        now: Instant,
        login: &mut Login,
        element: &Element<'_>,
    ) -> Result<Option<Step>, Box<crate::Failure>> {
        let step = match login.step {
            Step::Header if element.is("open", ns::FRAMING) => Step::Features,
            Step::Features if element.is("features", ns::STREAM) => {
                self.learn_mechanisms(login, element);
                if login.mechanism.is_none() {
                    self.authenticate_by_offer(login)?;
                }
                Step::Authentication
            }
            Step::Authentication if element.is("challenge", ns::SASL) => {
                self.answer_challenge(login, element)?
            }
            Step::Authentication if element.is("success", ns::SASL) => {
                self.verify_server(login, element)?;
                self.reached(Milestone::Authenticated);
                self.continue_authenticated(login);
                Step::AuthenticatedHeader
            }
            Step::Authentication | Step::Derivation if element.is("failure", ns::SASL) => {
                self.handle_sasl_failure(login, element)?;
                Step::Authentication
            }
            Step::AuthenticatedHeader if element.is("open", ns::FRAMING) => Step::AuthenticatedFeatures,
            Step::AuthenticatedFeatures if element.is("features", ns::STREAM) => {
                self.handle_stream_features(login, element)?
            }
            Step::Bind { session } if is_answer(element, BIND_ID) => {
                return self.handle_bound(now, login, element, session);
            }
            Step::Session if is_answer(element, SESSION_ID) => {
                self.count_received();
                if element.attribute("type") != Some("result") {
                    return Err(Box::new(failures::bind_refused(&self.config, element)));
                }
                return Ok(self.after_bind(now, login));
            }
            // In a burst it is answered before the session request that the features made necessary.
            step @ (Step::Session | Step::Enable) if login.is_enable_answer(element) => {
                login.enabling = Enabling::Answered;
                if element.name == "enabled" {
                    let mut management = Management::new(self.resumption(element));
                    if step == Step::Session {
                        // It went out behind the request that has just been granted, so the server counts it.
                        let request = Outgoing::own(session_request().to_xml());
                        let ask = management.sent(request);
                        self.management = Some(management);
                        if ask {
                            self.send(&Element::new("r", ns::SM));
                        }
                    } else {
                        self.management = Some(management);
                    }
                }
                if step == Step::Enable {
                    return Ok(self.after_bind(now, login));
                }
                step
            }
            Step::Resume if element.is("resumed", ns::SM) => {
                self.handle_resumed(now, login.round_trips, element)?;
                return Ok(None);
            }
            Step::Resume if element.is("failed", ns::SM) => {
                self.handle_resume_refused(now, element);
                return Ok(None);
            }
            // Jitsi's servers push what they have to tell before they answer the bind.
            step @ (Step::Bind { .. } | Step::Session | Step::Enable)
                if element.namespace == ns::CLIENT && element.name != "iq" =>
            {
                self.count_received();
                if element.name == "message" {
                    self.handle_push(now, element);
                }
                step
            }
            step => return Err(Box::new(failures::unexpected(&self.config, element, step.waiting_for()))),
        };
        Ok(Some(step))
    }

    fn learn_mechanisms(&mut self, login: &mut Login, features: &Element<'_>) {
        let names = features
            .child("mechanisms", ns::SASL)
            .into_iter()
            .flat_map(Element::children)
            .filter(|child| child.is("mechanism", ns::SASL))
            .map(Element::text);
        login.offered = names.filter_map(|name| Mechanism::from_name(&name)).collect();
        let strongest = self.credentials.strongest(&self.config, &login.offered);
        if strongest.is_some_and(|strongest| strongest != Mechanism::Anonymous) {
            self.learn(super::Known { mechanism: strongest, ..self.known });
        }
    }

    pub(super) fn learn(&mut self, known: super::Known) {
        if known != self.known {
            self.known = known;
            self.outputs.push_back(Output::Learned(known));
        }
    }

    fn authenticate_by_offer(&mut self, login: &mut Login) -> Result<(), Box<crate::Failure>> {
        let strongest = self.credentials.strongest(&self.config, &login.offered);
        let mechanism = strongest.ok_or_else(|| {
            Box::new(failures::no_mechanism(&self.config, &self.credentials, &login.offered))
        })?;
        login.round_trips += 1;
        self.authenticate(login, mechanism);
        Ok(())
    }

    /// A mechanism that was tried before the offer was known may be refused; then the offer decides. One that was
    /// offered was refused for its credentials, and would be again.
    fn handle_sasl_failure(
        &mut self,
        login: &mut Login,
        element: &Element<'_>,
    ) -> Result<(), Box<crate::Failure>> {
        let offered = login.mechanism.is_some_and(|mechanism| login.offered.contains(&mechanism));
        if offered || login.one_burst {
            return Err(Box::new(failures::sasl(&self.config, &self.credentials, element)));
        }
        self.authenticate_by_offer(login)
    }

    fn answer_challenge(
        &mut self,
        login: &mut Login,
        element: &Element<'_>,
    ) -> Result<Step, Box<crate::Failure>> {
        let message = decode(element);
        let derivation = match (&mut login.scram, message) {
            (Some(scram), Some(message)) => scram.challenge(&message),
            _ => Err(super::scram::ScramError::Malformed),
        };
        let derivation = derivation.map_err(|error| Box::new(failures::scram(&self.config, error)))?;
        self.outputs.push_back(Output::Derive(derivation));
        Ok(Step::Derivation)
    }

    /// The key that `Derive` asked for.
    pub(crate) fn handle_derived(&mut self, key: &SaltedPassword) {
        let Link::Login(login) = &mut self.link else { return };
        let (Step::Derivation, Some(scram)) = (login.step, &mut login.scram) else { return };
        let response = Element::new("response", ns::SASL);
        let response = response.with_text(BASE64.encode(scram.client_final(key).as_bytes()));
        login.step = Step::Authentication;
        login.round_trips += 1;
        self.send(&response);
    }

    fn verify_server(&self, login: &Login, success: &Element<'_>) -> Result<(), Box<crate::Failure>> {
        let Some(scram) = &login.scram else { return Ok(()) };
        let message = decode(success).unwrap_or_default();
        scram.verify(&message).map_err(|error| Box::new(failures::scram(&self.config, error)))
    }

    /// `success` has been seen: the second burst.
    fn continue_authenticated(&mut self, login: &mut Login) {
        if login.one_burst {
            return;
        }
        login.round_trips += 1;
        self.open_stream();
        if !self.config.pipelining {
            return;
        }
        match login.purpose {
            Purpose::Resume => self.request_resume(),
            Purpose::Fresh | Purpose::Attach => {
                self.request_bind();
                if self.config.stream_management && !self.known.no_management {
                    self.request_management(login);
                }
            }
        }
    }

    fn handle_stream_features(
        &mut self,
        login: &mut Login,
        features: &Element<'_>,
    ) -> Result<Step, Box<crate::Failure>> {
        if login.purpose == Purpose::Resume {
            if !self.config.pipelining {
                login.round_trips += 1;
                self.request_resume();
            }
            return Ok(Step::Resume);
        }
        if features.child("bind", ns::BIND).is_none() {
            return Err(Box::new(failures::no_bind(&self.config)));
        }
        let offered = features.child("sm", ns::SM).is_some();
        if offered || login.enabling == Enabling::NotAsked {
            self.learn(super::Known { no_management: !offered, ..self.known });
        }
        if !self.config.pipelining {
            login.round_trips += 1;
            self.request_bind();
        }
        // RFC 6120 dropped the session request; a server that means it does not call it optional (RFC 3921).
        let session = features
            .child("session", ns::SESSION)
            .is_some_and(|session| session.child("optional", ns::SESSION).is_none());
        Ok(Step::Bind { session })
    }

    fn request_bind(&mut self) {
        let mut bind = Element::new("bind", ns::BIND);
        if let Some(resource) = self.credentials.resource() {
            bind = bind.with_child(Element::new("resource", ns::BIND).with_text(resource));
        }
        let iq = Element::iq("set", BIND_ID).with_child(bind).to_xml();
        self.send_text(iq);
    }

    fn request_management(&mut self, login: &mut Login) {
        login.enabling = Enabling::Asked;
        self.send(&Element::new("enable", ns::SM).with_attribute("resume", "true"));
    }

    fn request_resume(&mut self) {
        let Some(management) = &mut self.management else { return };
        let h = management.tell().to_string();
        let Some(resumption) = management.resumption() else { return };
        let resume =
            Element::new("resume", ns::SM).with_attribute("previd", &resumption.id).with_attribute("h", h);
        let resume = resume.to_xml();
        self.send_text(resume);
    }

    fn handle_bound(
        &mut self,
        now: Instant,
        login: &mut Login,
        answer: &Element<'_>,
        session: bool,
    ) -> Result<Option<Step>, Box<crate::Failure>> {
        let jid =
            answer.child("bind", ns::BIND).and_then(|bind| bind.child("jid", ns::BIND)).map(Element::text);
        let jid = match (answer.attribute("type"), jid) {
            (Some("result"), Some(jid)) if jid::FullJid::new(&jid).is_ok() => jid,
            (Some("error"), _) => return Err(Box::new(failures::bind_refused(&self.config, answer))),
            _ => return Err(Box::new(failures::unexpected(&self.config, answer, "a full JID"))),
        };
        self.reached(Milestone::Bound);
        self.jid = Some(jid);
        if !session {
            return Ok(self.after_bind(now, login));
        }
        login.round_trips += 1;
        self.send(&session_request());
        Ok(Some(Step::Session))
    }

    /// A stanza of the server's, before the session is established: it counts once stream management is on.
    fn count_received(&mut self) {
        if let Some(management) = &mut self.management {
            // The session is not going to be long enough for an unasked acknowledgement.
            let _ = management.received();
        }
    }

    fn after_bind(&mut self, now: Instant, login: &mut Login) -> Option<Step> {
        let wanted = self.config.stream_management && !self.known.no_management;
        if login.enabling == Enabling::NotAsked && wanted {
            login.round_trips += 1;
            self.request_management(login);
        }
        if login.enabling == Enabling::Asked {
            return Some(Step::Enable);
        }
        self.establish(now, login.round_trips, false);
        None
    }

    /// What `<enabled/>` grants. An `id` without `resume`, or the reverse, grants nothing.
    fn resumption(&self, enabled: &Element<'_>) -> Option<Resumption> {
        let granted = matches!(enabled.attribute("resume"), Some("true" | "1"));
        let id = enabled.attribute("id").filter(|id| granted && !id.is_empty())?;
        // Without `max` the server's own limit is unknown; Prosody's and ejabberd's defaults are longer than this.
        let max = enabled.attribute("max").and_then(|max| max.parse().ok()).unwrap_or(60);
        // A peer's number is not to be added to a clock as it is.
        Some(Resumption { id: id.to_owned(), max: Duration::from_secs(max).min(runtime::LONGEST) })
    }

    pub(super) fn establish(&mut self, now: Instant, round_trips: u32, resumed: bool) {
        let reconnected = !resumed && self.phase == Phase::Interrupted;
        self.link = Link::Up;
        self.phase = Phase::Connected;
        self.liveness.start(now);
        self.recovery.succeeded();
        let attached = self.attachment.is_some();
        self.reached(if attached { Milestone::Attached } else { Milestone::Connected });
        let jid = self.jid.clone().unwrap_or_default();
        self.outputs.push_back(Output::Established { jid, resumed, reconnected, round_trips });
        self.complete_refresh();
        self.send_held(now);
        self.schedule_keep_alive(now);
        if !resumed {
            self.begin_discovery(now);
            self.rejoin_rooms(now);
        }
    }
}

/// The session request of RFC 3921.
fn session_request() -> Element<'static> {
    Element::iq("set", SESSION_ID).with_child(Element::new("session", ns::SESSION))
}

fn decode(element: &Element<'_>) -> Option<String> {
    let bytes = BASE64.decode(element.text().trim().as_bytes()).ok()?;
    String::from_utf8(bytes).ok()
}

/// Only the server itself answers these requests, and only it can speak before the resource is bound; `from` is the
/// account or absent (RFC 6120, section 8.1.2.1).
pub(super) fn is_answer(element: &Element<'_>, id: &str) -> bool {
    element.is("iq", ns::CLIENT) && element.attribute("id") == Some(id)
}
