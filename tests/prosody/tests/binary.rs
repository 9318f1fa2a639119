//! What test suites in other languages rely on.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jitsimeet_testdaemon::checks::{accepts, await_end};
use jitsimeet_testprosody::TestProsody;
use serde_json::Value;
use tempfile::TempDir;

/// Starts the binary; returns it with the port of its WebSocket.
fn start(folder: &Path) -> (Child, u16) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jitsimeet-testprosody"))
        .env("TMPDIR", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["domain"], "localhost");
    assert!(told["secureServiceUrl"].as_str().unwrap().starts_with("wss://localhost:"));
    assert!(told["caCertificate"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let url = told["serviceUrl"].as_str().unwrap();
    let port = url.strip_prefix("ws://localhost:").unwrap().strip_suffix("/xmpp-websocket").unwrap();
    (child, port.parse().unwrap())
}

/// For what a binary that is killed leaves behind. The user prosody must be able to look in.
fn folder() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap()
}

#[test]
fn ends_with_its_standard_input_and_takes_prosody_along() {
    let Some(_installed) = TestProsody::start_or_skip() else { return };
    let folder = folder();
    let (mut child, port) = start(folder.path());
    assert!(accepts(port));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!accepts(port));
    assert!(folder.path().read_dir().unwrap().next().is_none(), "a file is left");
}

#[test]
fn prosody_does_not_outlive_a_binary_that_is_killed() {
    let Some(_installed) = TestProsody::start_or_skip() else { return };
    let folder = folder();
    let (mut child, port) = start(folder.path());
    assert!(accepts(port));
    child.kill().unwrap();
    child.wait().unwrap();
    await_end(port);
}
