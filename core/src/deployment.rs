//! What a deployment tells its clients of itself and of a conference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

/// What the server has said of itself: `getProperties()`.
///
/// Deployments tell it at the login; servers that do not are asked.
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// let properties = connection.properties();
/// println!("shard {:?}, lobby {:?}", properties.shard, properties.components.get("lobbyrooms"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Properties {
    /// The shard that serves this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The region that the shard is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The release that the deployment runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The addresses of the components by their kind, such as `lobbyrooms`, `breakout_rooms` or `av_moderation`.
    pub components: BTreeMap<String, String>,
    /// The features of the server and of those components (XEP-0030).
    pub features: BTreeSet<String>,
}

/// A STUN or TURN server: `getIceServers()`, in the form that WebRTC takes (`RTCIceServer`).
///
/// ```
#[doc = include_str!("../doc/made.txt")]
/// # let turn = serde_json::json!({ "urls": "turn:turn.example.org", "username": "bot", "credential": "secret" });
/// # options.merge(serde_json::json!({ "p2pStunServers": [turn] }))?;
/// # let connection = jitsimeet::JitsiConnection::new(None, None, &options)?;
/// let servers = connection.ice_servers();
/// assert_eq!(servers[0].username.as_deref(), Some("bot"));
/// // For an `RTCPeerConnection`.
/// assert_eq!(serde_json::to_value(&servers)?[0]["urls"][0], "turn:turn.example.org");
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IceServer {
    /// The URLs, such as `turns:turn.example.org:5349?transport=tcp` (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// The user name, where the server wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password that goes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// When user name and password expire; as JSON in milliseconds since 1970. An expired server is not listed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "milliseconds")]
    pub expires: Option<SystemTime>,
}

/// Never shows the credential.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A conference that can be joined: what the focus has answered to the conference request.
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// let conference = connection.send_conference_request("standup").await?;
/// assert!(conference.focus_jid.is_some_and(|jid| jid.starts_with("focus@")));
/// assert_eq!(conference.vnode, None);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Conference {
    /// The JID of the focus in the conference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focus_jid: Option<String>,
    /// Who the focus takes this client for, where it authenticates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The visitor node, for a recorder or a gateway, which is not redirected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnode: Option<String>,
    /// Its properties, such as `authentication`, `externalAuth`, `sipGatewayEnabled` or `visitors-supported`.
    pub properties: BTreeMap<String, String>,
}

fn milliseconds<S: serde::Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
    serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_ice_server_is_what_webrtc_takes_and_never_shows_its_credential() {
        let server = IceServer {
            urls: vec!["turn:a:3478".to_owned()],
            username: Some("user".to_owned()),
            credential: Some("canary".to_owned()),
            expires: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(2)),
        };
        let json = serde_json::to_value(&server).unwrap();
        let expected = serde_json::json!({
            "urls": ["turn:a:3478"], "username": "user", "credential": "canary", "expires": 2000
        });
        assert_eq!(json, expected);
        assert!(!format!("{server:?}").contains("canary"));
    }
}
