//! Names and addresses.

mod common;

use std::env;
use std::net::{Ipv6Addr, TcpListener};
use std::process::Command;
use std::time::Duration;

use common::certificates::Authority;
use common::wire::relay;
use common::{again, assert_failure, failure, options, server, within};
use jitsimeet::{Code, ErrorType, JitsiConnection};

#[tokio::test]
async fn an_ipv6_address_is_connected_to_and_is_what_the_certificate_is_for() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    let (server, authority) = (server().await, Authority::new());
    for (scheme, tls) in [("ws", None), ("wss", Some(authority.issue("::1").acceptor()))] {
        let relay = relay(Ipv6Addr::LOCALHOST.into(), tls, server.port()).await.unwrap();
        let url = format!("{scheme}://[::1]:{}/xmpp-websocket", relay.port);
        let mut options = options(&url, server.domain());
        options.set("tls.caCertificates", authority.pem()).unwrap();
        let connection = JitsiConnection::new(None, None, &options).unwrap();
        within("the connection", connection.connect()).await.unwrap();
    }
}

/// The resolver is made to hang for ever, in a process of its own.
const HANGS: &str = "#include <unistd.h>
int getaddrinfo(const char *n, const char *s, const void *h, void **r) { for (;;) pause(); }
";

#[tokio::test]
async fn the_deadline_holds_while_the_resolver_hangs() {
    const NAME: &str = "the_deadline_holds_while_the_resolver_hangs";
    if env::var_os("LD_PRELOAD").is_some() {
        let mut options = options("wss://meet.example.org/xmpp-websocket", "meet.example.org");
        options.set("transport.connectTimeout", 100).unwrap();
        let failure = failure(&options).await;
        let says = ["100 ms", "transport.connectTimeout"];
        assert_failure(&failure, ErrorType::OtherError, Code::TimeoutConnect, true, &says);
        // Nor does the thread that hangs keep the library from being ended.
        let shut = tokio::task::spawn_blocking(|| jitsimeet::shutdown(Duration::from_millis(100)));
        return within("the shutdown", shut).await.unwrap().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("hangs.c"), folder.path().join("hangs.so"));
    std::fs::write(&source, HANGS).unwrap();
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let compiled = Command::new(compiler).args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiled.unwrap().success(), "the C compiler is one of what the tests need");
    again(NAME, &[("LD_PRELOAD", library.to_str().unwrap().to_owned())]).await;
}
