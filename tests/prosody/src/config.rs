//! What Prosody is told.

use std::fmt::Write as _;
use std::path::Path;

/// Where Prosody listens, on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: u16,
}

/// The XMPP domain of accounts, and the one that there is.
pub(crate) const ACCOUNTS_DOMAIN: &str = "accounts.localhost";
pub(crate) const ACCOUNT: (&str, &str) = ("user", "pencil");

/// The XMPP domain, and the host name of the certificate.
pub(crate) const DOMAIN: &str = "localhost";

/// Below the folder: where `config` says that things are.
pub(crate) const CONFIG: &str = "prosody.cfg.lua";
pub(crate) const DATA: &str = "data";
pub(crate) const MODULES: &str = "modules";
pub(crate) const CERTIFICATES: &str = "certificates";
pub(crate) const CERTIFICATE: &str = "certificates/localhost.crt";
pub(crate) const KEY: &str = "certificates/localhost.key";

/// Writes the configuration of a Prosody that lives in `folder`.
pub(crate) fn config(folder: &Path, ports: Ports) -> String {
    let path = |name: &str| quoted(&folder.join(name).to_string_lossy());
    let mut text = String::new();
    let mut set = |key: &str, value: &str| writeln!(text, "{key} = {value}").expect("writing to a string");
    set("data_path", &path(DATA));
    set("plugin_paths", &format!("{{ {} }}", path(MODULES)));
    set("installer_plugin_path", &path(MODULES));
    set("certificates", &path(CERTIFICATES));
    set("https_ssl", &format!("{{ certificate = {}, key = {} }}", path(CERTIFICATE), path(KEY)));
    set("http_ports", &format!("{{ {} }}", ports.http));
    set("https_ports", &format!("{{ {} }}", ports.https));
    text.push_str(COMMON);
    text.push_str(HOSTS);
    text
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
	smacks_hibernation_time = 60

VirtualHost "accounts.localhost"
	authentication = "internal_hashed"
	smacks_hibernation_time = 60
"#;

/// A Lua string literal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
