//! What Prosody is told.

use std::fmt::Write as _;
use std::path::Path;

use jitsimeet_testdaemon::{CERTIFICATE, KEY, Ports, quoted};

use crate::TOKEN_SECRET;

/// Writes the configuration of a Prosody that lives in `folder`.
pub(crate) fn config(folder: &Path, ports: Ports) -> String {
    let path = |name: &str| quoted(&folder.join(name).to_string_lossy());
    let mut text = String::new();
    let mut set = |key: &str, value: &str| writeln!(text, "{key} = {value}").expect("writing to a string");
    set("data_path", &path(""));
    set("plugin_paths", &format!("{{ {} }}", path("")));
    set("installer_plugin_path", &path(""));
    set("certificates", &path(""));
    set("https_ssl", &format!("{{ certificate = {}, key = {} }}", path(CERTIFICATE), path(KEY)));
    set("http_ports", &format!("{{ {} }}", ports.http));
    set("https_ports", &format!("{{ {} }}", ports.https));
    // Of the one authentication module that looks for it.
    let hosts = HOSTS.replace("TOKEN_SECRET", &quoted(TOKEN_SECRET));
    text + COMMON + &hosts
}

const COMMON: &str = r#"
log = { info = "*stdout" }
storage = "memory"
interfaces = { "127.0.0.1" }
http_interfaces = { "127.0.0.1" }
https_interfaces = { "127.0.0.1" }
c2s_ports = {}
c2s_direct_tls_ports = {}
modules_disabled = { "s2s" }
modules_enabled = { "jitsimeet_test", "saslauth", "tls", "disco", "ping", "smacks", "websocket", "bosh" }
smacks_hibernation_time = 60

-- As behind the web server of a deployment, which ends TLS.
consider_websocket_secure = true
consider_bosh_secure = true
c2s_require_encryption = false
-- Whatever name or address the client reached this by.
http_default_host = "localhost"
"#;

const HOSTS: &str = r#"
VirtualHost "localhost"
	authentication = "jitsimeet_test"

VirtualHost "tokens.localhost"
	authentication = "jitsimeet_test"
	jitsimeet_test_token_secret = TOKEN_SECRET

VirtualHost "accounts.localhost"
	authentication = "internal_hashed"

VirtualHost "plain.localhost"
	authentication = "internal_hashed"
	disable_sasl_mechanisms = { "SCRAM-SHA-1" }

-- As Jitsi has it.
Component "conference.localhost" "muc"
	muc_room_locking = false
	muc_room_default_public_jids = true
"#;
