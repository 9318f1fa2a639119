//! From a frame to its event, and the login, beside the floor, in turns, so that what else the machine does falls on
//! all alike.

use std::io;

use serde_json::json;

use crate::process::Server;
use crate::programs::{Cores, Program};
use crate::report::{Report, least, median};

const ROUNDS: usize = 11;
const STANZAS: usize = 30_000;
const LOGINS: usize = 200;
const AT_ONCE: usize = 1_000;
const FLOOR: &str = "floor";

pub fn core() -> io::Result<()> {
    let mut report = Report::new("make bench-core");
    frame_to_event(&mut report)?;
    logins(&mut report, "A login, one after the other", LOGINS, 1, 7)?;
    logins(&mut report, "1,000 logins at once", AT_ONCE, AT_ONCE, 7)?;
    report.keep()
}

/// Each client on one core with all its threads; what counts is what it costs of that core.
fn frame_to_event(report: &mut Report) -> io::Result<()> {
    let server = Server::start()?;
    let options = json!({ "workerThreads": 1 });
    let mut clients = Vec::new();
    for name in [FLOOR, "jitsimeet", "jitsimeet-stream", "jitsimeet-c", "jitsimeet-c-queue"] {
        let mut client = Program::build(name)?.start(server.address, &options, Cores::One)?;
        client.order("open 1 1")?;
        client.order(&format!("flood {STANZAS}"))?;
        clients.push((name, client));
    }
    let mut costs = vec![(Vec::new(), Vec::new()); clients.len()];
    for _ in 0..ROUNDS {
        for ((_, client), (cpu, wall)) in clients.iter_mut().zip(&mut costs) {
            let cost = client.order(&format!("flood {STANZAS}"))?;
            cpu.push(cost.cpu.as_secs_f64() / STANZAS as f64);
            wall.push(cost.wall.as_secs_f64() / STANZAS as f64);
        }
    }
    let floor = costs[0].0.clone();
    let columns =
        ["client", "µs of CPU", "at best", "a second of CPU", "a second of the clock", "of the floor"];
    report.table("Frame to event with the sender read, stanzas of 818 bytes, one core", &columns);
    for ((name, _), (cpu, wall)) in clients.iter().zip(&costs) {
        // Round by round: neighbours in time are the most alike.
        let ratio = median(floor.iter().zip(cpu).map(|(floor, cpu)| floor / cpu).collect());
        report.row(&[
            (*name).to_owned(),
            format!("{:.2}", median(cpu.clone()) * 1e6),
            format!("{:.2}", least(cpu) * 1e6),
            format!("{:.0}", 1.0 / median(cpu.clone())),
            format!("{:.0}", 1.0 / median(wall.clone())),
            format!("{ratio:.2}"),
        ]);
    }
    report.say("");
    Ok(())
}

/// A fresh process each time, with one session behind it, so that what is done once in a process is done.
fn logins(report: &mut Report, what: &str, count: usize, at_once: usize, rounds: usize) -> io::Result<()> {
    let mut costs = [FLOOR, "jitsimeet"].map(|name| (name, Vec::new(), Vec::new()));
    for _ in 0..rounds {
        let server = Server::start()?;
        for (name, cpu, wall) in &mut costs {
            let mut client = Program::build(name)?.start(server.address, &json!({}), Cores::All)?;
            client.order("open 1 1")?;
            let cost = client.order(&format!("open {count} {at_once}"))?;
            cpu.push(cost.cpu.as_secs_f64());
            wall.push(cost.wall.as_secs_f64());
        }
    }
    let floor = costs[0].1.clone();
    let each = |seconds: f64| format!("{:.3}", seconds * 1e3 / count as f64);
    let columns = [
        "client",
        "ms of CPU each",
        "at best",
        "s of CPU in all",
        "s of the clock in all",
        "floor's CPU by this",
    ];
    report.table(&format!("{what} ({count} of them), without TLS"), &columns);
    for (name, cpu, wall) in &costs {
        let ratio = floor.iter().zip(cpu).map(|(floor, cpu)| floor / cpu).collect();
        report.row(&[
            (*name).to_owned(),
            each(median(cpu.clone())),
            each(least(cpu)),
            format!("{:.3}", median(cpu.clone())),
            format!("{:.3}", median(wall.clone())),
            format!("{:.2}", median(ratio)),
        ]);
    }
    report.say("");
    Ok(())
}
