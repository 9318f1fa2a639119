//! What an occupant may do: affiliations and roles (XEP-0045, section 5).

use serde::{Deserialize, Serialize};

/// The long-lived standing of a bare JID in a room, the lowest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Affiliation {
    /// Banned.
    Outcast,
    /// None.
    #[default]
    None,
    /// May enter a members-only room.
    Member,
    /// May moderate.
    Admin,
    /// May do everything.
    Owner,
}

/// What an occupant may do while it is in a room, the lowest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Not in the room.
    #[default]
    None,
    /// May listen.
    Visitor,
    /// May talk.
    Participant,
    /// May moderate.
    Moderator,
}

impl Affiliation {
    const ALL: [Self; 5] = [Self::Outcast, Self::None, Self::Member, Self::Admin, Self::Owner];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Outcast => "outcast",
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|affiliation| affiliation.name() == name)
    }

    /// The role of who enters with it (XEP-0045, section 5.1).
    pub(super) const fn role(self, members_only: bool) -> Role {
        match self {
            Self::Outcast => Role::None,
            Self::None if members_only => Role::None,
            Self::None | Self::Member => Role::Participant,
            Self::Admin | Self::Owner => Role::Moderator,
        }
    }
}

impl Role {
    const ALL: [Self; 4] = [Self::None, Self::Visitor, Self::Participant, Self::Moderator];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Visitor => "visitor",
            Self::Participant => "participant",
            Self::Moderator => "moderator",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}
