//! Thousands of sessions in one process through a life: they log in, are idle, lose their server at the same moment,
//! are resumed, and end.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jitsimeet_testprosody::TestProsody;
use jitsimeet_testproxy::TestProxy;
use jitsimeet_testserver::{Order, TestServer};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::machine::{self, Core};
use crate::process::{Cost, Process};
use crate::programs::Program;
use crate::report::Report;

/// So many sessions, and so many logins at a time: the listener's queue has an end, and Prosody has one thread.
const EMBEDDED: (usize, usize) = (10_000, 200);
const PROSODY: (usize, usize) = (1_000, 20);
const IDLE: usize = 60_000;
/// How often it is looked how many have come back.
const LOOK: Duration = Duration::from_millis(10);
/// The bounds of the histogram, in milliseconds.
const BOUNDS: [u64; 10] = [50, 100, 150, 200, 250, 300, 500, 1_000, 2_000, 5_000];

pub fn sessions() -> io::Result<()> {
    machine::raise_file_limit();
    let mut report = Report::new("make bench-sessions");
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .on_thread_start(|| machine::pin(Core::First))
        .enable_all()
        .build()?;
    embedded(&mut report, &runtime)?;
    prosody(&mut report, &runtime)?;
    report.keep()
}

fn embedded(report: &mut Report, runtime: &Runtime) -> io::Result<()> {
    let server = runtime.block_on(TestServer::start(jitsimeet_testserver::Options::default()))?;
    let lose = || server.order(&Order::Cut);
    let title = format!("{} sessions on the embedded server", EMBEDDED.0);
    life(report, &title, &server.service_url(), server.domain(), EMBEDDED, lose, || server.connections())
}

/// Cut off by a proxy, whose connections are counted too.
fn prosody(report: &mut Report, runtime: &Runtime) -> io::Result<()> {
    let prosody = match TestProsody::start() {
        Ok(prosody) => prosody,
        Err(error) => {
            report.say(&format!("Not measured on Prosody: {error}"));
            return Ok(());
        }
    };
    let port = |url: &str| url.split([':', '/']).find_map(|word| word.parse::<u16>().ok());
    let real = prosody.service_url();
    let target = port(&real).ok_or_else(|| io::Error::other("a URL without a port"))?;
    let proxy = runtime.block_on(TestProxy::start(target))?;
    let url = real.replacen(&format!(":{target}"), &format!(":{}", proxy.port()), 1);
    let title = format!("{} sessions on Prosody, through a proxy", PROSODY.0);
    life(report, &title, &url, prosody.domain(), PROSODY, || proxy.cut(), || proxy.seen().len() as u64)
}

fn life(
    report: &mut Report,
    title: &str,
    url: &str,
    domain: &str,
    (count, at_once): (usize, usize),
    lose: impl Fn(),
    connections: impl Fn() -> u64 + Sync,
) -> io::Result<()> {
    // A keep-alive request would be counted as an attempt.
    let options = json!({ "hosts": { "domain": domain }, "websocketKeepAlive": -1 });
    let mut client = Program::build("jitsimeet")?.start_url(url, &options)?;
    report.table(title, &["", "s of the clock", "s of CPU", "ms of CPU a session", "MB at the end"]);
    let mut row = |what: &str, cost: Cost| {
        report.row(&[
            what.to_owned(),
            format!("{:.2}", cost.wall.as_secs_f64()),
            format!("{:.2}", cost.cpu.as_secs_f64()),
            format!("{:.3}", cost.cpu.as_secs_f64() * 1e3 / count as f64),
            format!("{:.1}", cost.memory as f64 / 1e6),
        ]);
    };
    row(&format!("log in, {at_once} at a time"), client.order(&format!("open {count} {at_once}"))?);
    row("idle, pings at their default", client.order(&format!("idle {IDLE}"))?);
    let (cost, seen) = resume(&mut client, lose, &connections)?;
    row("lose the server, resume all", cost);
    row("disconnect", client.order("close")?);
    report.say("");
    histogram(report, count, &seen);
    Ok(())
}

/// The cost, and how many connections had been made by which time.
fn resume(
    client: &mut Process,
    lose: impl Fn(),
    connections: &(impl Fn() -> u64 + Sync),
) -> io::Result<(Cost, Vec<(Duration, u64)>)> {
    client.begin("resume")?;
    let (before, over) = (connections(), AtomicBool::new(false));
    let begun = Instant::now();
    lose();
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
                seen.push((begun.elapsed(), connections() - before));
            }
            seen
        });
        let cost = client.end();
        over.store(true, Ordering::Relaxed);
        Ok((cost?, looking.join().expect("it only counts")))
    })
}

/// How many attempts began in which time after the loss.
fn histogram(report: &mut Report, count: usize, seen: &[(Duration, u64)]) {
    let all = seen.last().map_or(0, |(_, made)| *made);
    report.table(
        &format!("Attempts to resume, {all} for {count} sessions, by the time since the loss"),
        &["ms", "attempts"],
    );
    let by = |bound: u64| {
        let bound = Duration::from_millis(bound);
        seen.iter().take_while(|(time, _)| *time <= bound).last().map_or(0, |(_, made)| *made)
    };
    let mut begin = 0;
    for bound in BOUNDS {
        if by(begin) < all {
            report.row(&[format!("{begin} to {bound}"), (by(bound) - by(begin)).to_string()]);
        }
        begin = bound;
    }
    if by(begin) < all {
        report.row(&[format!("later than {begin}"), (all - by(begin)).to_string()]);
    }
    report.say("");
}
