//! What a deployment tells its clients about itself.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The deployment that the server pretends to be. The default pushes nothing and has no components.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deployment {
    /// Whether the server tells of itself unasked, as mod_jiconop does.
    pub push: Push,
    /// The name of the shard.
    pub shard: Option<String>,
    /// The name of the region.
    pub region: Option<String>,
    /// The name of the release.
    pub release: Option<String>,
    /// The addresses of components by type, `lobbyrooms` for example.
    pub components: BTreeMap<String, String>,
    /// The features that components tell of, by address.
    pub component_features: BTreeMap<String, Vec<String>>,
    /// The features of the server, beside those that it always has.
    pub features: Vec<String>,
    /// STUN and TURN services.
    pub services: Vec<Service>,
    /// Which versions of external service discovery (XEP-0215) are answered.
    pub extdisco: Extdisco,
    /// Sent as it is in place of the push, if there is to be one. `{jid}` becomes the client's full JID.
    pub raw_push: Option<String>,
}

/// When the server tells of itself unasked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Push {
    /// Never.
    #[default]
    None,
    /// Before the result of the bind.
    BeforeBind,
    /// Right behind the result of the bind.
    AfterBind,
}

/// Which versions of external service discovery are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extdisco {
    /// `urn:xmpp:extdisco:2` and `urn:xmpp:extdisco:1`.
    #[default]
    Both,
    /// `urn:xmpp:extdisco:1` only.
    V1,
    /// None.
    None,
}

/// A STUN or TURN service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// `stun`, `turn` or `turns`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the host.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
    /// `udp` or `tcp`.
    pub transport: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// Until when the password is good (XEP-0082).
    pub expires: Option<String>,
    /// User name and password are needed.
    #[serde(default)]
    pub restricted: bool,
}
