//! What a connection tells of itself when it is asked.

use std::time::SystemTime;

use crate::logs::Logs;
use crate::shared::ConnectionState;
use crate::statistics::Statistics;
use crate::times::ConnectionTimes;
use crate::{IceServer, JitsiConnection, Properties};

impl JitsiConnection {
    /// The full JID, from the moment it is bound until the next attempt.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// assert_eq!(connection.jid(), None);
    /// connection.connect().await?;
    /// assert!(connection.jid().is_some_and(|jid| jid.contains("@meet.example/")));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn jid(&self) -> Option<String> {
        self.own().ok().and_then(|shared| shared.lock().jid.clone())
    }

    /// When the phases of this connection happened.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// use jitsimeet::Milestone;
    ///
    /// assert_eq!(connection.connection_times().get(Milestone::Connected), None);
    /// connection.connect().await?;
    /// assert!(connection.connection_times().get(Milestone::Connected).is_some());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn connection_times(&self) -> ConnectionTimes {
        self.own().map(|shared| shared.lock().times).unwrap_or_default()
    }

    /// Where this connection stands.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// use jitsimeet::ConnectionState;
    ///
    /// assert_eq!(connection.state(), ConnectionState::Idle);
    /// connection.connect().await?;
    /// assert_eq!(connection.state(), ConnectionState::Connected);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.own().map_or(ConnectionState::Idle, |shared| shared.lock().state)
    }

    /// What this connection has carried so far, and what waits.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// let statistics = connection.statistics();
    /// assert!(statistics.frames_sent > 0 && statistics.bytes_received > 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.own().map(|shared| shared.counters().read(shared.hub().waiting())).unwrap_or_default()
    }

    /// The last frames of this connection, as many as the option `logs` keeps, without secrets.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// let logs = connection.logs();
    /// assert!(logs.entries[0].frame.starts_with("<open "));
    /// println!("{}", serde_json::to_string_pretty(&logs)?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn logs(&self) -> Logs {
        // Not while the log is held, which the driver waits for.
        let copy = self.own().map(|shared| shared.log().copy());
        let entries = copy.map(|copy| copy.redacted()).unwrap_or_default();
        Logs { url: self.config().display_url(), entries }
    }

    /// What the deployment has told of itself; until then, what the option `deploymentInfo` says.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// # options.set("deploymentInfo.shard", "s1")?;
    /// # let connection = jitsimeet::JitsiConnection::new(None, None, &options)?;
    /// // With the option `deploymentInfo.shard`.
    /// assert_eq!(connection.properties().shard.as_deref(), Some("s1"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn properties(&self) -> Properties {
        self.own().map(|shared| shared.lock().discovered.0.clone()).unwrap_or_default()
    }

    /// The STUN and TURN servers: those of the options `p2pStunServers` and `p2p.stunServers`, and those that the
    /// server names (XEP-0215), as far as they have not expired.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// # options.merge(serde_json::json!({ "p2p": { "stunServers": [{ "urls": "stun:stun.example.org:3478" }] } }))?;
    /// # let connection = jitsimeet::JitsiConnection::new(None, None, &options)?;
    /// let urls: Vec<_> = connection.ice_servers().into_iter().flat_map(|server| server.urls).collect();
    /// assert_eq!(urls, ["stun:stun.example.org:3478"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn ice_servers(&self) -> Vec<IceServer> {
        let now = SystemTime::now();
        let mut servers = self.config().stun_servers.clone();
        let told = self.own().map(|shared| shared.lock().discovered.1.clone()).unwrap_or_default();
        servers.extend(told.into_iter().filter(|server| server.expires.is_none_or(|expires| now < expires)));
        servers
    }

    /// Counts an event that the consumer of the hub has taken as one that still waits, with so many bytes, against the
    /// option `eventQueue`. For a binding that passes events on to listeners with queues of their own: so the bounds
    /// hold for these too. [`release_event`](Self::release_event) undoes it, once for each, with the same bytes.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// connection.hold_event(800);
    /// assert_eq!(connection.statistics().queued_events, 1);
    /// # connection.release_event(800);
    /// # Ok(()) }
    /// ```
    pub fn hold_event(&self, bytes: usize) {
        if let Ok(shared) = self.own() {
            shared.hub().hold(bytes);
        }
    }

    /// Undoes a [`hold_event`](Self::hold_event), when the event has come to its listener or never will.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// connection.hold_event(800);
    /// connection.release_event(800);
    /// assert_eq!(connection.statistics().queued_events, 0);
    /// # Ok(()) }
    /// ```
    pub fn release_event(&self, bytes: usize) {
        if let Ok(shared) = self.own() {
            shared.hub().release(bytes);
        }
    }
}
