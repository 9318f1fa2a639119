//! When the phases of a connection happened: `getConnectionTimes()`.

use std::time::Instant;

use crate::closed_list::closed_list;

closed_list! {
    /// What [`ConnectionTimes`] keeps a time for: lib-jitsi-meet's statuses in lower case, and the phases of the
    /// last attempt.
    ///
    /// ```
    /// use jitsimeet::Milestone;
    ///
    /// assert_eq!((Milestone::Dns.as_str(), Milestone::Connected.as_str()), ("dns", "connected"));
    /// ```
    pub enum Milestone {
        /// `connect` was called.
        Connecting = 1 => "connecting",
        /// The authentication request was sent.
        Authenticating = 2 => "authenticating",
        /// The session was established.
        Connected = 3 => "connected",
        /// `disconnect` was called.
        Disconnecting = 4 => "disconnecting",
        /// The connection was closed on request.
        Disconnected = 5 => "disconnected",
        /// The server refused the authentication.
        Authfail = 6 => "authfail",
        /// The attempt failed or the session was lost, for another reason.
        Connfail = 7 => "connfail",
        /// Phase: the host name was resolved.
        Dns = 8 => "dns",
        /// Phase: the TCP connection was open.
        Tcp = 9 => "tcp",
        /// Phase: the TLS handshake was complete.
        Tls = 10 => "tls",
        /// Phase: the server had accepted the WebSocket upgrade. BOSH has none.
        Upgrade = 11 => "upgrade",
        /// Phase: the server had accepted the authentication.
        Authenticated = 12 => "authenticated",
        /// Phase: the server had bound a resource.
        Bound = 13 => "bound",
        /// Phase: the server had resumed the session.
        Resumed = 14 => "resumed",
        /// `attach` was called.
        Attaching = 15 => "attaching",
        /// The server has shown that it knows the session that was attached to.
        Attached = 16 => "attached",
    }
}

impl Milestone {
    const fn is_phase(self) -> bool {
        self.as_i32() >= Self::Dns.as_i32() && self.as_i32() <= Self::Resumed.as_i32()
    }
}

/// The moments of a connection's life. Of repeated ones the last wins; phases belong to the last attempt.
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// use jitsimeet::Milestone;
///
/// let times = connection.connection_times();
/// let login = times.get(Milestone::Connected).unwrap() - times.get(Milestone::Connecting).unwrap();
/// println!("{login:?}, {:?} round trips", times.round_trips());
/// assert!(times.get(Milestone::Tls).is_none());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionTimes {
    moments: [Option<Instant>; Milestone::ALL.len()],
    round_trips: Option<u32>,
}

impl ConnectionTimes {
    pub(crate) fn record(&mut self, milestone: Milestone, now: Instant) {
        if matches!(milestone, Milestone::Connecting | Milestone::Attaching) {
            self.begin_attempt();
        }
        self.moments[Self::index(milestone)] = Some(now);
    }

    /// What follows are the phases of another attempt.
    pub(crate) fn begin_attempt(&mut self) {
        for phase in Milestone::ALL.iter().filter(|milestone| milestone.is_phase()) {
            self.moments[Self::index(*phase)] = None;
        }
        self.round_trips = None;
    }

    pub(crate) const fn record_round_trips(&mut self, count: u32) {
        self.round_trips = Some(count);
    }

    /// How many round trips to the server the last login or resumption took, from TCP on. Named `round_trips` where
    /// the times are shown as one object.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// assert!(connection.connection_times().round_trips().is_some_and(|count| count > 0));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn round_trips(&self) -> Option<u32> {
        self.round_trips
    }

    /// When this happened, if it did.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// use jitsimeet::Milestone;
    ///
    /// let times = connection.connection_times();
    /// assert!(times.get(Milestone::Tcp) < times.get(Milestone::Bound));
    /// assert_eq!(times.get(Milestone::Resumed), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn get(&self, milestone: Milestone) -> Option<Instant> {
        self.moments[Self::index(milestone)]
    }

    /// What happened and when, in milliseconds of a monotonic clock that reads `clock_now` at this moment, such as
    /// Node's `performance.now()`, Python's `time.monotonic() * 1000` or `CLOCK_MONOTONIC`.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// let times: Vec<_> = connection.connection_times().on_clock(0.0).collect();
    /// let (milestone, at) = times[0];
    /// assert_eq!(milestone, jitsimeet::Milestone::Connecting);
    /// assert!(at < 0.0, "it was before now");
    /// # Ok(()) }
    /// ```
    pub fn on_clock(&self, clock_now: f64) -> impl Iterator<Item = (Milestone, f64)> {
        let now = Instant::now();
        let ago = move |moment: Instant| now.saturating_duration_since(moment).as_secs_f64() * 1000.0;
        Milestone::ALL
            .iter()
            .filter_map(move |milestone| Some((*milestone, clock_now - ago(self.get(*milestone)?))))
    }

    const fn index(milestone: Milestone) -> usize {
        milestone as usize - 1
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_moment_wins_and_a_new_attempt_forgets_the_phases() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut times = ConnectionTimes::default();
        times.record(Milestone::Connecting, at(0));
        times.record(Milestone::Dns, at(1));
        times.record(Milestone::Connfail, at(2));
        times.record(Milestone::Connecting, at(3));
        assert_eq!(times.get(Milestone::Connecting), Some(at(3)));
        assert_eq!(times.get(Milestone::Connfail), Some(at(2)));
        assert_eq!(times.get(Milestone::Dns), None);
        times.record(Milestone::Bound, at(4));
        times.begin_attempt();
        assert_eq!(times.get(Milestone::Bound), None, "a resumed session is not bound again");
        assert_eq!(times.get(Milestone::Connecting), Some(at(3)));
    }
}
