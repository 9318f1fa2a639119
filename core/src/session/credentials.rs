//! Who logs in, and by which mechanism.

use std::sync::Arc;

use data_encoding::BASE64;
use ring::hmac;
use zeroize::Zeroizing;

use super::scram::Hash;
use crate::options::Config;
use crate::{Code, ErrorType, Failure};

/// A SASL mechanism that this client speaks. The order is that of preference: the greatest is the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Mechanism {
    Anonymous,
    Plain,
    ScramSha1,
    ScramSha256,
}

impl Mechanism {
    const ALL: [Self; 4] = [Self::Anonymous, Self::Plain, Self::ScramSha1, Self::ScramSha256];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "ANONYMOUS",
            Self::Plain => "PLAIN",
            Self::ScramSha1 => Hash::Sha1.mechanism(),
            Self::ScramSha256 => Hash::Sha256.mechanism(),
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    pub(super) const fn hash(self) -> Option<Hash> {
        match self {
            Self::ScramSha1 => Some(Hash::Sha1),
            Self::ScramSha256 => Some(Hash::Sha256),
            Self::Anonymous | Self::Plain => None,
        }
    }
}

/// What a server was seen to offer: kept by the process for each service URL and domain, so that the next login
/// begins with the right mechanism.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The strongest mechanism for accounts.
    pub mechanism: Option<Mechanism>,
    /// It closes the stream when asked for stream management.
    pub no_management: bool,
}

/// Who logs in.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// A guest, or the bearer of a token.
    Anonymous {
        domain: String,
    },
    Account(Arc<Account>),
}

pub(crate) struct Account {
    pub username: String,
    pub domain: String,
    pub resource: Option<String>,
    pub password: Zeroizing<String>,
}

impl Credentials {
    /// From the arguments of `connect`.
    pub(crate) fn new(
        config: &Config,
        token: Option<&str>,
        id: Option<&str>,
        password: Option<&str>,
    ) -> Result<Self, Box<Failure>> {
        let incomplete = |problem: &str| {
            Box::new(Failure::new(ErrorType::PasswordRequired, Code::CredentialsIncomplete, problem))
        };
        let (id, password) = match (id, password) {
            (None, None) => return Ok(Self::Anonymous { domain: config.guest_domain(token).to_owned() }),
            (Some(_), None) => return Err(incomplete("connect was given an id without a password.")),
            (None, Some(_)) => return Err(incomplete("connect was given a password without an id.")),
            (Some(id), Some(password)) => (id, password),
        };
        let full = if id.contains('@') { id.to_owned() } else { format!("{id}@{}", config.domain) };
        let jid =
            jid::Jid::new(&full).map_err(|error| incomplete(&format!("the id is not a JID: {error}.")))?;
        let node = jid.node().ok_or_else(|| incomplete("the id has no user name before the @."))?;
        let prepared = stringprep::saslprep(password)
            .map_err(|_| incomplete("the password holds a character that SASL does not allow (RFC 4013)."))?;
        Ok(Self::Account(Arc::new(Account {
            username: node.to_string(),
            domain: jid.domain().to_string(),
            resource: jid.resource().map(ToString::to_string),
            password: Zeroizing::new(prepared.into_owned()),
        })))
    }

    /// Of a session that is logged in already: nobody's, in the domain of its JID.
    pub(crate) fn attached(jid: &str) -> Self {
        let domain = jid::Jid::new(jid).map(|jid| jid.domain().to_string()).unwrap_or_default();
        Self::Anonymous { domain }
    }

    /// The domain of the stream.
    pub(crate) fn domain(&self) -> &str {
        match self {
            Self::Anonymous { domain } => domain,
            Self::Account(account) => &account.domain,
        }
    }

    pub(super) fn resource(&self) -> Option<&str> {
        match self {
            Self::Anonymous { .. } => None,
            Self::Account(account) => account.resource.as_deref(),
        }
    }

    /// The bare JID that the login asks for, if it asks for one.
    pub(crate) fn jid(&self) -> Option<String> {
        match self {
            Self::Anonymous { .. } => None,
            Self::Account(account) => Some(format!("{}@{}", account.username, account.domain)),
        }
    }

    /// The mechanism to begin with before the server has said what it offers. Never PLAIN: the password itself is
    /// shown only to a server that offers nothing better.
    pub(super) fn blind(&self, config: &Config, known: Known) -> Option<Mechanism> {
        let first = match self {
            Self::Anonymous { .. } => Mechanism::Anonymous,
            Self::Account(_) => known.mechanism.unwrap_or(Mechanism::ScramSha1),
        };
        (first != Mechanism::Plain && config.allows(first)).then_some(first)
    }

    /// The strongest of what the server offers that these credentials, the options and the transport allow.
    pub(super) fn strongest(&self, config: &Config, offered: &[Mechanism]) -> Option<Mechanism> {
        let usable = |mechanism: &&Mechanism| {
            let fits = matches!(self, Self::Anonymous { .. }) == (**mechanism == Mechanism::Anonymous);
            fits && config.allows(**mechanism)
        };
        offered.iter().filter(usable).max().copied()
    }

    /// The message of PLAIN (RFC 4616).
    pub(super) fn plain(&self) -> Zeroizing<String> {
        let Self::Account(account) = self else { return Zeroizing::default() };
        let message = Zeroizing::new(format!("\0{}\0{}", account.username, *account.password));
        Zeroizing::new(BASE64.encode(message.as_bytes()))
    }
}

/// Fresh nonces from one secret.
pub(super) struct Nonces {
    secret: Zeroizing<[u8; 32]>,
    count: u64,
}

impl Nonces {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret: Zeroizing::new(secret), count: 0 }
    }

    pub(super) fn next(&mut self) -> String {
        self.count += 1;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.secret);
        BASE64.encode(&hmac::sign(&key, &self.count.to_be_bytes()).as_ref()[..18])
    }
}
