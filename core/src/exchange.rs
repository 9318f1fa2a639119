//! What a connection sends and asks: stanzas, requests, pings, the conference request, features.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::command::{Command, Completion};
use crate::connection::settled;
use crate::{Completed, Conference, Error, JitsiConnection, options, outgoing, runtime};

impl JitsiConnection {
    /// Sends a stanza: a `message`, a `presence` or an `iq`, as XML text. A missing namespace is `jabber:client`.
    ///
    /// Returns when the server has acknowledged it (XEP-0198); on a stream without stream management, when it is
    /// written.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// connection.send_stanza("<message to='room@conference.meet.example'><body>hello</body></message>").await?;
    ///
    /// let error = connection.send_stanza("<message>").await.unwrap_err();
    /// assert!(error.to_string().contains("not well-formed"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidStanza`], [`Error::NotConnected`], [`Error::SendQueueFull`]: nothing was sent.
    /// [`Error::SessionLost`]: the server may or may not have had it.
    pub async fn send_stanza(&self, xml: &str) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit_stanza(xml, Completion::Future(sender))?;
        settled(receiver).await.map(drop)
    }

    /// As [`send_stanza`](Self::send_stanza), without waiting.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    #[doc = include_str!("../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// connection.start_send_stanza("<presence to='room@conference.meet.example/bot'/>", Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!((token, result), (42, Ok(Completed::Done)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidStanza`]; everything else comes as the completion.
    pub fn start_send_stanza(&self, xml: &str, completion: Option<u64>) -> Result<(), Error> {
        self.submit_stanza(xml, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn submit_stanza(&self, xml: &str, completion: Completion) -> Result<(), Error> {
        let stanza = outgoing::stanza(xml)?;
        self.order(Command::SendStanza { xml: stanza, completion })
    }

    /// Sends an IQ request, as XML text, and returns the answer as it came: of type `result` or `error`. A missing
    /// id is made up. `None` waits as long as the option `iqTimeout`.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// let ping = "<iq type='get' to='meet.example'><ping xmlns='urn:xmpp:ping'/></iq>";
    /// let answer = connection.send_iq(ping, None).await?;
    /// assert!(answer.starts_with("<iq ") && answer.contains("result"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`send_stanza`](Self::send_stanza); [`Error::Timeout`] if no answer came in time.
    pub async fn send_iq(&self, xml: &str, timeout: Option<Duration>) -> Result<String, Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit_iq(xml, timeout, Completion::Future(sender))?;
        match settled(receiver).await? {
            Completed::Answer { xml } => Ok(xml),
            _ => Err(Error::Internal("sendIq completed as another call".to_owned())),
        }
    }

    /// As [`send_iq`](Self::send_iq), without waiting.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    #[doc = include_str!("../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// let ping = "<iq type='get' to='meet.example'><ping xmlns='urn:xmpp:ping'/></iq>";
    /// connection.start_send_iq(ping, None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!(token, 42);
    /// assert!(matches!(result, Ok(Completed::Answer { xml }) if xml.starts_with("<iq ")));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidStanza`]; everything else comes as the completion.
    pub fn start_send_iq(
        &self,
        xml: &str,
        timeout: Option<Duration>,
        completion: Option<u64>,
    ) -> Result<(), Error> {
        self.submit_iq(xml, timeout, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn submit_iq(&self, xml: &str, timeout: Option<Duration>, completion: Completion) -> Result<(), Error> {
        let outgoing::Request { id, to, xml } = outgoing::request(xml)?;
        let timeout = self.patience(timeout);
        self.order(Command::SendIq { id, to, xml, timeout, completion })
    }

    /// Asks the server whether it is there (XEP-0199), and returns how long the answer took. An error is an answer
    /// too. `None` waits as long as the option `iqTimeout`.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// println!("the server is {:?} away", connection.ping(None).await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotConnected`], [`Error::SendQueueFull`]; [`Error::Timeout`] if no answer came in time;
    /// [`Error::SessionLost`].
    pub async fn ping(&self, timeout: Option<Duration>) -> Result<Duration, Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit_ping(timeout, Completion::Future(sender))?;
        match settled(receiver).await? {
            Completed::Pong { round_trip } => Ok(round_trip),
            _ => Err(Error::Internal("ping completed as another call".to_owned())),
        }
    }

    /// As [`ping`](Self::ping), without waiting.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    #[doc = include_str!("../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// connection.start_ping(None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!(token, 42);
    /// assert!(matches!(result, Ok(Completed::Pong { .. })));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Forked`]; everything else comes as the completion.
    pub fn start_ping(&self, timeout: Option<Duration>, completion: Option<u64>) -> Result<(), Error> {
        self.submit_ping(timeout, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn submit_ping(&self, timeout: Option<Duration>, completion: Completion) -> Result<(), Error> {
        let timeout = self.patience(timeout);
        self.order(Command::Ping { timeout, completion })
    }

    /// Asks the focus to be in a room, so that it can be joined: over HTTP with the option `conferenceRequestUrl`,
    /// else as an IQ to `hosts.focus`. `room` is the name of the room alone. While the conference is not ready, the
    /// request is repeated, after 1 s, 2 s, 4 s and so on up to 2 minutes, until the connection is closed.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// let conference = connection.send_conference_request("standup").await?;
    /// println!("the focus is {:?}", conference.focus_jid);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a room that cannot be one; [`Error::NotConnected`]; [`Error::Redirected`];
    /// [`Error::ConferenceRequestFailed`] with the reason; [`Error::SendQueueFull`]; [`Error::SessionLost`].
    pub async fn send_conference_request(&self, room: &str) -> Result<Conference, Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit_conference_request(room, Completion::Future(sender))?;
        match settled(receiver).await? {
            Completed::Conference(conference) => Ok(*conference),
            _ => Err(Error::Internal("sendConferenceRequest completed as another call".to_owned())),
        }
    }

    /// As [`send_conference_request`](Self::send_conference_request), without waiting.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    #[doc = include_str!("../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// connection.start_send_conference_request("standup", Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!(token, 42);
    /// assert!(matches!(result, Ok(Completed::Conference(_))));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]; everything else comes as the completion.
    pub fn start_send_conference_request(&self, room: &str, completion: Option<u64>) -> Result<(), Error> {
        self.submit_conference_request(room, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn submit_conference_request(&self, name: &str, completion: Completion) -> Result<(), Error> {
        let room = room(name)?;
        self.order(Command::RequestConference { room, completion })
    }

    /// Advertises a feature: answers to disco#info name it (XEP-0030). `submit` tells every room that this
    /// connection has joined at once; without it they hear of it with the next presence.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// connection.add_feature("https://example.org/my-bot", false)?;
    /// connection.remove_feature("https://example.org/my-bot", false)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a feature that is empty or holds what XML cannot carry.
    pub fn add_feature(&self, feature: &str, submit: bool) -> Result<(), Error> {
        self.change_features(feature, submit, true)
    }

    /// No longer advertises a feature, be it added or the library's own. One that is not advertised is ignored.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// // What answers to disco#info no longer name.
    /// connection.remove_feature("urn:xmpp:ping", false)?;
    /// assert!(connection.remove_feature("", false).is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`add_feature`](Self::add_feature).
    pub fn remove_feature(&self, feature: &str, submit: bool) -> Result<(), Error> {
        self.change_features(feature, submit, false)
    }

    fn change_features(&self, feature: &str, submit: bool, add: bool) -> Result<(), Error> {
        let unfit = |character: char| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}');
        if feature.is_empty() || feature.contains(unfit) {
            let problem = "a feature must have a name, of characters that XML can carry".to_owned();
            return Err(Error::InvalidArgument(problem));
        }
        let shared = self.own()?;
        let mut state = shared.lock();
        if add {
            state.features.add(feature)
        } else {
            state.features.remove(feature)
        }
        let command = Command::SetFeatures { features: state.features.clone(), submit };
        Self::command(shared, state, command);
        Ok(())
    }

    fn order(&self, command: Command) -> Result<(), Error> {
        let shared = self.own()?;
        Self::command(shared, shared.lock(), command);
        Ok(())
    }

    fn patience(&self, timeout: Option<Duration>) -> Duration {
        timeout.unwrap_or(self.config().iq_timeout).min(runtime::LONGEST)
    }
}

/// The name of a room, as a caller gives it.
pub(crate) fn room(name: &str) -> Result<String, Error> {
    options::room("name", name)
        .map_err(|_| Error::InvalidArgument(format!("`{name}` cannot be the name of a room")))
}
