//! From a frame to its event, and the login: beside the floor and the peers, in turns, so that what else the machine
//! does falls on all alike.

use serde_json::json;

use super::{Table, heading, least, median};
use crate::process::{Process, Server};

const ROUNDS: usize = 11;
const STANZAS: usize = 30_000;
const LOGINS: usize = 200;
const AT_ONCE: usize = 1_000;
const FLOOR: &str = "floor";
const CLIENTS: [&str; 7] =
    [FLOOR, "jitsimeet", "jitsimeet-stream", "jitsimeet-c", "jitsimeet-c-queue", "tokio-xmpp", "libstrophe"];
/// One session each: they are not for logins.
const FLOODED_ALONE: [&str; 3] = ["jitsimeet-stream", "jitsimeet-c", "jitsimeet-c-queue"];

pub fn core() {
    heading("make bench-core");
    frame_to_event();
    logins("A login, one after the other", LOGINS, 1, 7);
    logins("1,000 logins at once", AT_ONCE, AT_ONCE, 7);
}

/// Each client on one core with all its threads; what counts is what it costs of that core.
fn frame_to_event() {
    let server = Server::start();
    let options = json!({ "pinned": true, "workerThreads": 1 });
    let mut clients: Vec<(&str, Process)> =
        CLIENTS.iter().filter_map(|name| Some((*name, server.client(name, &options)?))).collect();
    for (_, client) in &mut clients {
        client.order("open 1 1");
        client.order(&format!("flood {STANZAS}"));
    }
    let mut costs = vec![(Vec::new(), Vec::new()); clients.len()];
    for _ in 0..ROUNDS {
        for ((_, client), (cpu, wall)) in clients.iter_mut().zip(&mut costs) {
            let cost = client.order(&format!("flood {STANZAS}"));
            cpu.push(cost.cpu.as_secs_f64() / STANZAS as f64);
            wall.push(cost.wall.as_secs_f64() / STANZAS as f64);
        }
    }
    let floor = costs[0].0.clone();
    let columns =
        ["client", "µs of CPU", "at best", "a second of CPU", "a second of the clock", "of the floor"];
    let table = Table::new("Frame to event with the sender read, stanzas of 818 bytes, one core", &columns);
    for ((name, _), (cpu, wall)) in clients.iter().zip(&costs) {
        // Round by round: neighbours in time are the most alike.
        let ratio = median(floor.iter().zip(cpu).map(|(floor, cpu)| floor / cpu).collect());
        table.row(&[
            (*name).to_owned(),
            format!("{:.2}", median(cpu.clone()) * 1e6),
            format!("{:.2}", least(cpu) * 1e6),
            format!("{:.0}", 1.0 / median(cpu.clone())),
            format!("{:.0}", 1.0 / median(wall.clone())),
            format!("{ratio:.2}"),
        ]);
    }
}

/// A fresh process each time, with one session behind it, so that what is done once in a process is done.
fn logins(what: &str, count: usize, at_once: usize, rounds: usize) {
    let clients = CLIENTS.iter().filter(|name| !FLOODED_ALONE.contains(name));
    let mut costs: Vec<(&str, Vec<f64>, Vec<f64>)> =
        clients.map(|name| (*name, Vec::new(), Vec::new())).collect();
    for _ in 0..rounds {
        let server = Server::start();
        for (name, cpu, wall) in &mut costs {
            let Some(mut client) = server.client(name, &json!({})) else { continue };
            client.order("open 1 1");
            let cost = client.order(&format!("open {count} {at_once}"));
            cpu.push(cost.cpu.as_secs_f64());
            wall.push(cost.wall.as_secs_f64());
        }
    }
    let libstrophe = costs.last().map(|(_, _, wall)| wall.clone()).unwrap_or_default();
    let each = |seconds: f64| format!("{:.3}", seconds * 1e3 / count as f64);
    let columns = [
        "client",
        "ms of CPU each",
        "at best",
        "s of CPU in all",
        "s of the clock in all",
        "clock of libstrophe's",
    ];
    let table = Table::new(&format!("{what} ({count} of them), without TLS"), &columns);
    for (name, cpu, wall) in costs.iter().filter(|(_, cpu, _)| !cpu.is_empty()) {
        let ratio = wall.iter().zip(&libstrophe).map(|(wall, libstrophe)| wall / libstrophe).collect();
        table.row(&[
            (*name).to_owned(),
            each(median(cpu.clone())),
            each(least(cpu)),
            format!("{:.3}", median(cpu.clone())),
            format!("{:.3}", median(wall.clone())),
            format!("{:.2}", median(ratio)),
        ]);
    }
}
