//! With what a connection logs in.

use std::fmt;

/// The arguments of [`connect_with`](crate::JitsiConnection::connect_with).
///
/// ```
#[doc = include_str!("../doc/made.txt")]
/// # let accounts = [("alice".to_owned(), "wonderland".to_owned())].into();
/// # let server = jitsimeet_testserver::Options { accounts, ..Default::default() };
/// # let server = jitsimeet_testserver::TestServer::start(server).await?;
/// # options.set("serviceUrl", server.service_url())?;
/// # let connection = jitsimeet::JitsiConnection::new(None, None, &options)?;
/// use jitsimeet::ConnectOptions;
///
/// let mut login = ConnectOptions::account("alice", "wonderland");
/// login.name = Some("standup".to_owned());
/// let jid = connection.connect_with(login).await?;
/// assert!(jid.starts_with("alice@"));
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The account: a JID, or a user name of `hosts.domain`. A full JID asks for its resource.
    pub id: Option<String>,
    /// The password of the account.
    pub password: Option<String>,
    /// The room that the connection is for; without it that of the option `name`. It is added to the query of the
    /// service URL, by which the modules of a deployment find the room of a session. With `conferenceRequestUrl`, the
    /// conference request for it comes before everything else.
    pub name: Option<String>,
}

impl ConnectOptions {
    /// The login of an account.
    ///
    /// ```
    /// let login = jitsimeet::ConnectOptions::account("alice", "wonderland");
    /// assert_eq!(login.id.as_deref(), Some("alice"));
    /// assert!(!format!("{login:?}").contains("wonderland"));
    /// ```
    #[must_use]
    pub fn account(id: impl Into<String>, password: impl Into<String>) -> Self {
        Self { id: Some(id.into()), password: Some(password.into()), name: None }
    }
}

/// Shows the account, never the password.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
