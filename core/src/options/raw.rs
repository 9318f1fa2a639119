//! The tree of options as serde sees it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The table has checked every type before, so that a mismatch here is our own defect.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raw {
    pub name: Option<String>,
    pub conference_request_url: Option<String>,
    pub disable_focus: Option<bool>,
    pub focus_user_jid: Option<String>,
    pub prefer_visitor: Option<bool>,
    pub i_am_recorder: Option<bool>,
    pub i_am_sip_gateway: Option<bool>,
    pub start_audio_muted: Option<Value>,
    pub start_video_muted: Option<Value>,
    pub analytics: Option<RawAnalytics>,
    pub deployment_info: Option<RawDeploymentInfo>,
    pub testing: Option<RawTesting>,
    pub flags: Option<RawFlags>,
    pub media_features: Option<bool>,
    pub p2p_stun_servers: Option<Vec<RawIceServer>>,
    pub p2p: Option<RawP2p>,
    pub websocket_keep_alive: Option<i64>,
    pub websocket_keep_alive_url: Option<String>,
    pub http_timeout: Option<u64>,
    pub logs: Option<RawLogs>,
    pub service_url: Option<String>,
    pub hosts: Option<RawHosts>,
    pub enable_websocket_resume: Option<bool>,
    pub xmpp_ping: Option<RawPing>,
    pub login_timeout: Option<u64>,
    pub disconnect_timeout: Option<u64>,
    pub iq_timeout: Option<u64>,
    pub transport: Option<RawTransport>,
    pub sasl: Option<RawSasl>,
    pub resume: Option<RawResume>,
    pub reconnect: Option<RawReconnect>,
    pub send_queue: Option<RawSendQueue>,
    pub event_queue: Option<RawEventQueue>,
    pub tls: Option<RawTls>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawEventQueue {
    pub max_events: Option<usize>,
    pub max_bytes: Option<usize>,
    pub stall_timeout: Option<u64>,
}

#[derive(Deserialize, Default)]
pub(super) struct RawPing {
    pub interval: Option<u64>,
    pub timeout: Option<u64>,
    pub threshold: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSasl {
    pub mechanisms: Option<Vec<String>>,
    pub allow_plain_without_tls: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawResume {
    pub attempt_timeout: Option<u64>,
    pub max_elapsed: Option<u64>,
    pub min_delay: Option<u64>,
    pub max_delay: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawReconnect {
    pub max_attempts: Option<u32>,
    pub base_delay: Option<u64>,
    pub max_delay: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSendQueue {
    pub max_stanzas: Option<usize>,
    pub max_bytes: Option<usize>,
}

#[derive(Deserialize, Default)]
pub(super) struct RawHosts {
    pub domain: Option<String>,
    pub anonymousdomain: Option<String>,
    pub muc: Option<String>,
    pub focus: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTransport {
    pub connect_timeout: Option<u64>,
    pub max_stanza_bytes: Option<usize>,
    pub pipelining: Option<String>,
    pub headers: Option<BTreeMap<String, String>>,
    pub proxy: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTls {
    pub ca_certificates: Option<OneOrMany>,
    pub server_name: Option<String>,
    pub client_certificate: Option<String>,
    pub client_key: Option<String>,
    pub insecure_skip_verify: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAnalytics {
    pub rtcstats_enabled: Option<bool>,
}

#[derive(Deserialize, Default)]
pub(super) struct RawDeploymentInfo {
    pub shard: Option<String>,
    pub region: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTesting {
    pub enable_graceful_reconnect: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawFlags {
    pub ssrc_rewriting_enabled: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct RawIceServer {
    pub urls: OneOrMany,
    pub username: Option<String>,
    pub credential: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawP2p {
    pub stun_servers: Option<Vec<RawIceServer>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawLogs {
    pub max_entries: Option<usize>,
    pub max_bytes: Option<usize>,
}
