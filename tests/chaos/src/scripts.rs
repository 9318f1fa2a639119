//! The conversations that are disturbed at every byte.

use jitsimeet_testproxy::Conditions;
use serde_json::json;

use crate::model::Claims;
use crate::script::{Script, Step};
use crate::world::{Login, Transport};

/// A conversation, and where in it the disturbance comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A guest logs in, writes and is written to, and disconnects.
    Guest,
    /// The same with an account, by SCRAM.
    Account,
    /// What a session goes through that is resumed, with stanzas on their way both ways.
    Resume,
    /// What a session goes through whose token is replaced.
    Refresh,
    /// The conversation of the guest by BOSH.
    Bosh,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Guest, Self::Account, Self::Resume, Self::Refresh, Self::Bosh];

    /// The connections of the client that are disturbed, counted from the first.
    #[must_use]
    pub const fn disturbed(self) -> &'static [usize] {
        match self {
            Self::Guest | Self::Account => &[0],
            Self::Resume | Self::Refresh => &[1],
            // It has two.
            Self::Bosh => &[0, 1],
        }
    }

    /// How many sessions are lost, or attempts fail, without any disturbance.
    #[must_use]
    pub const fn interruptions(self) -> u64 {
        matches!(self, Self::Resume) as u64
    }

    /// The script, with these conditions for one of the connections.
    #[must_use]
    pub fn script(self, connection: usize, conditions: Conditions, claims: Claims) -> Script {
        let mut next = vec![Conditions::default(); connection];
        next.push(conditions);
        let talk = [Step::Send(4), Step::Receive(4)];
        let end = [Step::Settle, Step::Disconnect];
        let mut steps = vec![Step::Next(next)];
        match self {
            Self::Guest | Self::Account | Self::Bosh => {}
            Self::Resume => steps.extend([Step::Send(2), Step::Receive(2), Step::Cut]),
            Self::Refresh => steps.extend([Step::Send(1), Step::Settle, Step::Refresh]),
        }
        steps.extend(talk.into_iter().chain(end));
        Script {
            login: if self == Self::Account { Login::Account } else { Login::Guest },
            transport: if self == Self::Bosh { Transport::Bosh } else { Transport::WebSocket },
            claims,
            options: json!({}),
            steps,
        }
    }
}
