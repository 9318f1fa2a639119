//! The sessions of a server: who is bound, what was sent to them, and what they have acknowledged.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::Shared;

/// How long a session can be resumed.
pub(crate) const MAX: Duration = Duration::from_secs(60);

/// What a connection is told to do.
#[derive(Debug, Clone)]
pub(crate) enum Out {
    Text(String),
    /// A text frame of bytes that need not be text.
    Raw(Vec<u8>),
    Binary(Vec<u8>),
    /// End the stream with an error.
    Fail(String),
    /// Acknowledge so many stanzas more than were handled.
    Count {
        beyond: i32,
    },
    /// Send this again and again.
    Flood(String),
    /// From now on in fragments of this length.
    Split(usize),
    /// Exchange the next two frames.
    Reorder,
    /// Send nothing any more.
    Silence,
    /// Close the stream with `<close/>`.
    CloseStream,
    /// Close the WebSocket.
    End,
    /// Drop the TCP connection.
    Cut,
    /// Drop the TCP connection, and of BOSH the session.
    Forget,
    /// End the BOSH session, with this condition.
    Terminate(Option<String>),
    /// Of BOSH: cut the connection instead of the next answer.
    LoseAnswer,
    /// Of BOSH: the next answer comes so much later.
    DelayAnswer(Duration),
    /// Of BOSH: the next answer comes after the one after it.
    SwapAnswers,
    /// Neither read nor write any more, and keep the TCP connection.
    Stall,
}

/// A bound resource.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Option<UnboundedSender<Out>>,
    management: Option<Management>,
    /// What the token says of the user, as it stands in a presence.
    identity: Option<Arc<str>>,
    /// How many connections it has lost.
    lost: u32,
}

/// What became of a session that has lost its connection.
enum Detached {
    /// It goes on over another connection, or has ended before.
    Unconcerned,
    /// It has ended.
    Ended,
    /// It waits to be resumed; so many connections were lost.
    Waits(u32),
}

/// XEP-0198, the server's side.
#[derive(Debug)]
struct Management {
    id: String,
    resumable: bool,
    /// Stanzas of the client that were handled.
    handled: u32,
    /// Our stanzas that the client has acknowledged.
    acknowledged: u32,
    unacknowledged: VecDeque<String>,
}

/// All sessions, by full JID.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_jid: HashMap<String, Session>,
    /// The JIDs of those with stream management, by the id for `<resume/>`.
    by_id: HashMap<String, String>,
    count: u64,
}

impl Sessions {
    /// Binds a resource.
    pub(crate) fn bind(&mut self, jid: String, connection: UnboundedSender<Out>, identity: Option<Arc<str>>) {
        let session = Session { connection: Some(connection), management: None, identity, lost: 0 };
        self.remove(&jid);
        self.by_jid.insert(jid, session);
    }

    /// What the token of a session says of the user.
    pub(crate) fn identity(&self, jid: &str) -> Option<Arc<str>> {
        self.by_jid.get(jid)?.identity.clone()
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// The JIDs that are bound, with or without a connection.
    pub(crate) fn jids(&self) -> Vec<String> {
        let mut jids: Vec<_> = self.by_jid.keys().cloned().collect();
        jids.sort();
        jids
    }

    /// Sends a stanza to a full JID; false if nobody is bound there.
    pub(crate) fn deliver(&mut self, jid: &str, stanza: String) -> bool {
        let Some(session) = self.by_jid.get_mut(jid) else { return false };
        if let Some(management) = &mut session.management {
            management.unacknowledged.push_back(stanza.clone());
        }
        if let Some(connection) = &session.connection {
            // A connection that is ending leaves what is unacknowledged to the next.
            let _ = connection.send(Out::Text(stanza));
        }
        true
    }

    /// Turns stream management on; the id if it can be resumed, `None` if it is on already.
    pub(crate) fn enable(&mut self, jid: &str, resumable: bool) -> Option<String> {
        let number = self.next_number();
        let session = self.by_jid.get_mut(jid).filter(|session| session.management.is_none())?;
        let id = format!("previous-{number}");
        let unacknowledged = VecDeque::new();
        let management =
            Management { id: id.clone(), resumable, handled: 0, acknowledged: 0, unacknowledged };
        session.management = Some(management);
        self.by_id.insert(id.clone(), jid.to_owned());
        Some(id)
    }

    /// A stanza of the client was handled.
    pub(crate) fn handled(&mut self, jid: &str) {
        if let Some(management) = self.management(jid) {
            management.handled = management.handled.wrapping_add(1);
        }
    }

    /// The count for `<a/>`.
    pub(crate) fn count(&mut self, jid: &str) -> Option<u32> {
        self.management(jid).map(|management| management.handled)
    }

    /// The client has handled `h` of our stanzas.
    pub(crate) fn acknowledge(&mut self, jid: &str, h: u32) {
        if let Some(management) = self.management(jid) {
            management.settle(h);
        }
    }

    fn management(&mut self, jid: &str) -> Option<&mut Management> {
        self.by_jid.get_mut(jid)?.management.as_mut()
    }

    /// The JID of the session that is resumed by this id.
    pub(crate) fn resumable(&self, id: &str) -> Option<String> {
        let jid = self.by_id.get(id)?;
        let management = self.by_jid.get(jid)?.management.as_ref()?;
        management.resumable.then(|| jid.clone())
    }

    /// Gives a session a new connection: the count for `<resumed/>`, and what is to be sent again.
    pub(crate) fn resume(
        &mut self,
        jid: &str,
        h: u32,
        connection: UnboundedSender<Out>,
    ) -> Option<(u32, Vec<String>)> {
        let session = self.by_jid.get_mut(jid)?;
        if let Some(old) = session.connection.replace(connection) {
            let _ = old.send(Out::Cut);
        }
        let management = session.management.as_mut()?;
        management.settle(h);
        Some((management.handled, management.unacknowledged.iter().cloned().collect()))
    }

    /// The connection is gone. A session that can be resumed stays.
    fn detach(&mut self, jid: &str, connection: &UnboundedSender<Out>) -> Detached {
        let Some(session) = self.by_jid.get_mut(jid) else { return Detached::Unconcerned };
        // It may have been resumed on another connection meanwhile.
        if !session.connection.as_ref().is_some_and(|current| current.same_channel(connection)) {
            return Detached::Unconcerned;
        }
        session.connection = None;
        session.lost += 1;
        if session.management.as_ref().is_some_and(|management| management.resumable) {
            return Detached::Waits(session.lost);
        }
        self.remove(jid);
        Detached::Ended
    }

    /// Ends a session that still waits to be resumed as it did when so many connections were lost.
    fn expire(&mut self, jid: &str, lost: u32) -> bool {
        let waits = |session: &Session| session.connection.is_none() && session.lost == lost;
        let expires = self.by_jid.get(jid).is_some_and(waits);
        if expires {
            self.remove(jid);
        }
        expires
    }

    /// Ends all sessions that wait to be resumed; returns their JIDs.
    fn expire_all(&mut self) -> Vec<String> {
        let waits = |session: &Session| session.connection.is_none();
        let jids: Vec<_> =
            self.by_jid.iter().filter(|(_, session)| waits(session)).map(|(jid, _)| jid.clone()).collect();
        jids.iter().for_each(|jid| drop(self.remove(jid)));
        jids
    }

    /// The client has closed its stream, or the server forgets the session.
    fn remove(&mut self, jid: &str) -> Option<Session> {
        let session = self.by_jid.remove(jid)?;
        if let Some(management) = &session.management {
            self.by_id.remove(&management.id);
        }
        Some(session)
    }

    /// Forgets a session, and drops its connection.
    pub(crate) fn forget(&mut self, jid: &str) -> bool {
        let Some(session) = self.remove(jid) else { return false };
        // A connection that is ending needs no telling.
        session.connection.map(|connection| connection.send(Out::Forget));
        true
    }

    /// Forgets all sessions, as a server that restarts.
    pub(crate) fn clear(&mut self) {
        self.by_jid.clear();
        self.by_id.clear();
    }
}

impl Shared {
    /// The client has closed its stream, or the server forgets the session, which leaves its rooms.
    pub(crate) fn end_session(&self, jid: &str) {
        self.state().sessions.remove(jid);
        self.in_rooms(|rooms, out| rooms.ended(jid, out));
    }

    /// A session has lost its connection. If it can be resumed it waits for that, and ends after a while.
    pub(crate) fn lose_connection(self: &Arc<Self>, jid: String, connection: &UnboundedSender<Out>) {
        let detached = self.state().sessions.detach(&jid, connection);
        match detached {
            Detached::Unconcerned => {}
            Detached::Ended => self.in_rooms(|rooms, out| rooms.ended(&jid, out)),
            Detached::Waits(lost) => {
                let shared = Arc::clone(self);
                let expiry = self.stop.clone().run_until_cancelled_owned(async move {
                    tokio::time::sleep(MAX).await;
                    if shared.state().sessions.expire(&jid, lost) {
                        shared.in_rooms(|rooms, out| rooms.ended(&jid, out));
                    }
                });
                self.runtime.spawn(expiry);
            }
        }
    }

    /// Ends all sessions that wait to be resumed.
    pub(crate) fn expire_sessions(&self) {
        let ended = self.state().sessions.expire_all();
        ended.iter().for_each(|jid| self.in_rooms(|rooms, out| rooms.ended(jid, out)));
    }
}

impl Management {
    fn settle(&mut self, h: u32) {
        let settled = usize::try_from(h.wrapping_sub(self.acknowledged)).unwrap_or(usize::MAX);
        self.unacknowledged.drain(..settled.min(self.unacknowledged.len()));
        self.acknowledged = h;
    }
}
