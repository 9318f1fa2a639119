//! `attach`: going on with a session that someone else has set up.

use std::fmt;

use tokio::sync::oneshot;

use crate::command::Completion;
use crate::session::{Attachment, Credentials};
use crate::shared::ConnectionState;
use crate::transport::bosh::machine::MAX_RID;
use crate::{Error, JitsiConnection};

/// The arguments of [`JitsiConnection::attach`]: lib-jitsi-meet's `{jid, sid, rid}`. Whoever has them has the session.
///
/// ```
/// let session = jitsimeet::AttachOptions::new("guest@meet.example.org/7f2a", "c1e5d2", 1483);
/// assert_eq!((session.sid.as_str(), session.rid.as_str()), ("c1e5d2", "1483"));
/// assert!(!format!("{session:?}").contains("c1e5d2"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct AttachOptions {
    /// The full JID that was bound.
    pub jid: String,
    /// The `sid` of the BOSH session.
    pub sid: String,
    /// The `rid` of the last request that was made in the session: a whole number. The next request has the one after.
    pub rid: String,
}

impl AttachOptions {
    /// The session of these.
    ///
    /// ```
    /// use jitsimeet::AttachOptions;
    ///
    /// // A number, or the text of one, as a web page has it.
    /// let session = AttachOptions::new("guest@meet.example.org/7f2a", "c1e5d2", "1483");
    /// assert_eq!(session.rid, AttachOptions::new("", "", 1483).rid);
    /// ```
    #[must_use]
    pub fn new(jid: impl Into<String>, sid: impl Into<String>, rid: impl ToString) -> Self {
        Self { jid: jid.into(), sid: sid.into(), rid: rid.to_string() }
    }

    fn check(&self) -> Result<Attachment, Error> {
        let unusable = |problem: &str| Err(Error::InvalidArgument(problem.to_owned()));
        if jid::FullJid::new(&self.jid).is_err() {
            return unusable("`jid` must be a full JID, with its resource");
        }
        if self.sid.is_empty() {
            return unusable("`sid` must not be empty");
        }
        match self.rid.parse() {
            Ok(rid) if rid < MAX_RID => Ok(Attachment { jid: self.jid.clone(), sid: self.sid.clone(), rid }),
            _ => unusable("`rid` must be a whole number below 2^53 - 1"),
        }
    }
}

/// Shows neither the `sid` nor the `rid`.
impl fmt::Debug for AttachOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachOptions").field("jid", &self.jid).finish_non_exhaustive()
    }
}

impl JitsiConnection {
    /// Goes on with a BOSH session that someone else has set up, such as a web server that does not show its clients a
    /// password, and returns its JID. The session counts as established once the server has answered in it.
    ///
    /// It is closed by [`disconnect`](Self::disconnect) as any other. If it is lost, the option `reconnect` does not
    /// replace it. Dropping the future before it is done is `disconnect`.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// # options.set("serviceUrl", server.bosh_url())?;
    /// # let connection = jitsimeet::JitsiConnection::new(None, None, &options)?;
    /// # let bound = server.prebind(None).unwrap();
    /// use jitsimeet::AttachOptions;
    ///
    /// // As the web server has bound it.
    /// let jid = connection.attach(AttachOptions::new(&bound.jid, &bound.sid, bound.rid)).await?;
    /// assert_eq!(jid, bound.jid);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::UnsupportedTransport`] unless the service URL is one of BOSH; [`Error::InvalidArgument`] naming the
    /// argument that is unusable; [`Error::InvalidState`] unless the connection is idle; [`Error::ConnectionFailed`],
    /// with the condition `item-not-found` if the server does not know the session; [`Error::Aborted`] after
    /// `disconnect`.
    pub async fn attach(&self, options: AttachOptions) -> Result<String, Error> {
        let (sender, receiver) = oneshot::channel();
        self.take_over(&options, Completion::Future(sender))?;
        self.established(receiver).await
    }

    /// As [`attach`](Self::attach), without waiting: the outcome comes as an event and, with a token, as a completion
    /// in the hub behind that event.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    /// # options.set("serviceUrl", server.bosh_url())?;
    /// # let connection = jitsimeet::JitsiConnection::with_hub(&hub, None, None, &options)?;
    /// # let bound = server.prebind(None).unwrap();
    /// use jitsimeet::{AttachOptions, Completed};
    ///
    /// connection.start_attach(&AttachOptions::new(&bound.jid, &bound.sid, bound.rid), Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!((token, result), (42, Ok(Completed::Connected { jid: bound.jid })));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first three of [`attach`](Self::attach).
    pub fn start_attach(&self, options: &AttachOptions, token: Option<u64>) -> Result<(), Error> {
        self.take_over(options, token.map_or(Completion::Unheard, Completion::Token))
    }

    fn take_over(&self, options: &AttachOptions, completion: Completion) -> Result<(), Error> {
        let shared = self.own()?;
        let config = shared.config();
        if !config.uses_bosh() {
            return Err(Error::UnsupportedTransport { call: "attach" });
        }
        let attachment = options.check()?;
        let state = shared.lock();
        if state.state != ConnectionState::Idle {
            return Err(Error::InvalidState { call: "attach", state: state.state.as_str() });
        }
        let credentials = Credentials::attached(&attachment.jid);
        let mut attempt = state.attempt(credentials, config.conference.room.clone());
        attempt.attachment = Some(attachment);
        Self::launch(shared, state, attempt, completion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_argument_is_named_and_never_shown() {
        let good = AttachOptions::new("u@h/r", "canary", 7);
        assert_eq!(good.check().unwrap().rid, 7);
        assert!(AttachOptions { rid: (MAX_RID - 1).to_string(), ..good.clone() }.check().is_ok());
        for (bad, named) in [
            (AttachOptions { jid: "u@h".to_owned(), ..good.clone() }, "jid"),
            (AttachOptions { jid: "\u{0}".to_owned(), ..good.clone() }, "jid"),
            (AttachOptions { sid: String::new(), ..good.clone() }, "sid"),
            (AttachOptions { rid: "canary".to_owned(), ..good.clone() }, "rid"),
            (AttachOptions { rid: "-1".to_owned(), ..good.clone() }, "rid"),
            (AttachOptions { rid: "1.5".to_owned(), ..good.clone() }, "rid"),
            (AttachOptions { rid: MAX_RID.to_string(), ..good.clone() }, "rid"),
        ] {
            let Err(Error::InvalidArgument(problem)) = bad.check() else { panic!("{bad:?} was taken") };
            assert!(problem.contains(&format!("`{named}`")) && !problem.contains("canary"), "{problem}");
        }
        assert!(!format!("{good:?}").contains("canary"));
    }
}
