//! An endless flood against a listener that never returns: bounded memory, then a named end. And one of the caller's own,
//! whose memory is bounded too.
//!
//! The server, too, runs in a process of its own, which is this program again: the peak that is measured is the
//! client's.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jitsimeet::{Code, Error, Event, EventHub, Item, JitsiConnection, Options};
use jitsimeet_testserver::{Order, TestServer};
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::sync::Notify;

const DEADLINE: Duration = Duration::from_secs(60);
/// Of the whole process, debug build and all.
const LIMIT_KIB: u64 = 40 * 1024;
const SERVER: &str = "--be-the-server";
const CALLER: &str = "--be-the-caller";
/// Small frames reach the bound of events, large ones that of bytes.
const SIZES: [&str; 3] = ["40", "800", "8000"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(part) = arguments.find(|part| [SERVER, CALLER].contains(&&**part) || SIZES.contains(&&**part))
    else {
        return SIZES.into_iter().chain([CALLER]).for_each(play);
    };
    if part == SERVER {
        return serve().await;
    }
    let flood = async {
        match part.parse() {
            Ok(bytes) => is_bounded(bytes).await,
            Err(_) => a_caller_is_bounded().await,
        }
    };
    tokio::time::timeout(DEADLINE, flood).await.expect("the flood ends in time");
    let peak = peak_kib();
    assert!(peak < LIMIT_KIB, "{peak} KiB");
    println!("flood ({part}): peak of {peak} KiB");
}

/// In a process of its own, since a process has but one peak.
fn play(part: &str) {
    let program = std::env::current_exe().expect("this program");
    let status = Command::new(program).arg(part).status().expect("this program starts again");
    assert!(status.success(), "{part}: {status}");
}

/// Says where it listens, and floods whoever is connected at each line of input, until its input ends.
async fn serve() {
    let server = TestServer::start(jitsimeet_testserver::Options::default()).await.expect("a loopback port");
    println!("{}", server.service_url());
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.expect("standard input") {
        server.order(&Order::Flood { bytes: line.parse().expect("a length") });
    }
}

async fn is_bounded(bytes: usize) {
    let mut server = Server::start();
    let mut options = Options::new();
    let tree = json!({
        "serviceUrl": server.service_url,
        "hosts": { "domain": jitsimeet_testserver::DOMAIN },
        "eventQueue": { "stallTimeout": 500 },
    });
    options.merge(tree).expect("right types");
    let woken = std::sync::Arc::new(Notify::new());
    let hub = EventHub::new({
        let woken = std::sync::Arc::clone(&woken);
        move || woken.notify_one()
    });
    let connection = JitsiConnection::with_hub(&hub, None, None, &options).expect("complete options");
    connection.set_stanza_listening(true).unwrap();
    connection.connect().await.expect("the connection");
    server.flood(bytes);
    // Nothing is taken until the connection has given up on its listener.
    while connection.connection_times().get(jitsimeet::Milestone::Connfail).is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut events = Vec::new();
    while events.len() < 2 {
        woken.notified().await;
        hub.drain(usize::MAX, |_, item| events.push(item));
    }
    // What waited is freed, so that the end comes right behind the beginning.
    let [Item::Event(Event::ConnectionEstablished { .. }), Item::Event(Event::ConnectionFailed(failure))] =
        &events[..]
    else {
        panic!("{} events, beginning with {:?}", events.len(), &events[..2])
    };
    assert_eq!(failure.code, Code::ListenerStalled);
}

/// What is called faster than the connection can send is refused, not kept.
async fn a_caller_is_bounded() {
    let server = Server::start();
    let mut options = Options::new();
    let tree =
        json!({ "serviceUrl": server.service_url, "hosts": { "domain": jitsimeet_testserver::DOMAIN } });
    options.merge(tree).expect("right types");
    let connection = JitsiConnection::new(None, None, &options).expect("complete options");
    connection.connect().await.expect("the connection");
    let call = || (0..200_000).for_each(|_| connection.start_send_stanza("<message/>", None).unwrap());
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(call))));
    // It goes on, as soon as there is room again.
    while let Err(refused) = connection.ping(None).await {
        assert_eq!(refused, Error::SendQueueFull);
        tokio::task::yield_now().await;
    }
}

/// The other process. Ends with this value.
struct Server {
    process: Child,
    service_url: String,
}

impl Server {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.arg(SERVER).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the server starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("the server says where it listens");
        Self { process, service_url: line.trim().to_owned() }
    }

    fn flood(&mut self, bytes: usize) {
        let input = self.process.stdin.as_mut().expect("piped");
        writeln!(input, "{bytes}").expect("the server reads");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The largest resident set that this process has had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
