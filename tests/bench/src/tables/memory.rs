//! What an idle session holds, and what it costs while nothing happens.

use std::io;

use serde_json::{Value, json};

use crate::process::{Embedded, Process, Server};
use crate::programs::{Cores, Program};
use crate::report::Report;

const SIZES: [usize; 2] = [2_000, 10_000];
/// So many logins at a time: the listener's queue has an end.
const AT_ONCE: usize = 200;
const IDLE: usize = 60_000;

pub fn memory() -> io::Result<()> {
    let mut report = Report::new("make bench-memory");
    let columns = ["client", "sessions", "KB each", "MB in all"];
    report.table("Memory of an idle session, all options at their defaults, logs on", &columns);
    for tls in [false, true] {
        for size in SIZES {
            let server = Embedded::start(tls)?;
            let name = if tls { "jitsimeet, TLS" } else { "jitsimeet" };
            report.row(&weigh(name, &mut jitsimeet(&server, json!({}))?, size)?);
        }
    }
    let server = Server::start()?;
    let mut floor = Program::build("floor")?.start(server.address, &json!({}), Cores::All)?;
    report.row(&weigh("floor", &mut floor, SIZES[0])?);
    report.say("");
    idle(&mut report)?;
    report.keep()
}

fn jitsimeet(server: &Embedded, mut options: Value) -> io::Result<Process> {
    if let Some(authority) = &server.authority {
        options["tls"] = json!({ "caCertificates": authority });
    }
    Program::build("jitsimeet")?.start_url(&server.url, &options)
}

/// Beyond a first session, which pays for what the process has once. Its own sum is not told apart from that.
fn weigh(name: &str, client: &mut Process, size: usize) -> io::Result<Vec<String>> {
    let before = client.order("open 1 1")?.memory;
    client.order(&format!("open {size} {AT_ONCE}"))?;
    // What the login leaves to be done: discovery, the last writes.
    let after = client.order("idle 3000")?.memory;
    let each = (after - before) as f64 / size as f64 / 1000.0;
    Ok(vec![name.to_owned(), size.to_string(), format!("{each:.1}"), format!("{:.1}", after as f64 / 1e6)])
}

fn idle(report: &mut Report) -> io::Result<()> {
    let server = Embedded::start(false)?;
    let quiet = json!({ "websocketKeepAlive": -1, "xmppPing": { "interval": 0 } });
    let mut client = jitsimeet(&server, quiet)?;
    client.order(&format!("open {} {AT_ONCE}", SIZES[0]))?;
    client.order("idle 3000")?;
    let cost = client.order(&format!("idle {IDLE}"))?;
    report.say(&format!(
        "Processor of {} idle sessions, pings and keep-alive off, over {} s: {:.4} % of a core ({:.1} ms).\n",
        SIZES[0],
        IDLE / 1000,
        100.0 * cost.cpu.as_secs_f64() / cost.wall.as_secs_f64(),
        cost.cpu.as_secs_f64() * 1e3
    ));
    Ok(())
}
