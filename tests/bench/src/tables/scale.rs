//! Whether a session and a stanza cost the same among many as alone.

use std::io;

use serde_json::json;

use crate::process::{Process, Server};
use crate::programs::{Cores, Program};
use crate::report::{Report, least, median};

const SIZES: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const AT_ONCE: usize = 200;
/// What comes for a session at a time: so much that one session's stanzas are read together at every size.
const BURST: usize = 20;
/// In all, at each size.
const STANZAS: usize = 200_000;
const LOGINS: usize = 200;
const ROUNDS: usize = 3;

pub fn scale() -> io::Result<()> {
    let mut report = Report::new("make bench-scale");
    let title = format!("By the number of sessions in the process, stanzas in bursts of {BURST} for each");
    report.table(&title, &["sessions", "ms of CPU a login", "KB a session", "µs of CPU a stanza", "at best"]);
    for sessions in SIZES {
        report.row(&size(sessions)?);
    }
    report.keep()
}

fn size(size: usize) -> io::Result<Vec<String>> {
    let server = Server::start()?;
    let program = Program::build("jitsimeet")?;
    let start = || program.start(server.address, &json!({}), Cores::All);
    let mut client = start()?;
    let before = client.order("open 1 1")?.memory;
    let more = size - 1;
    let mut login = None;
    if more > 0 {
        let cost = client.order(&format!("open {more} {AT_ONCE}"))?;
        login = (more >= LOGINS).then(|| cost.cpu.as_secs_f64() / more as f64);
    }
    let memory = client.order("idle 2000")?.memory;
    // Few logins are too short to be seen: another process makes them again and again.
    let login = match login {
        Some(login) => login,
        None => {
            let mut other = start()?;
            other.order("open 1 1")?;
            other.order(&format!("open {LOGINS} {size}"))?.cpu.as_secs_f64() / LOGINS as f64
        }
    };
    let times = (STANZAS / (size * BURST)).max(1);
    let spread = |client: &mut Process| {
        let mut cpu = 0.0;
        for _ in 0..times {
            cpu += client.order(&format!("spread {BURST}"))?.cpu.as_secs_f64();
        }
        io::Result::Ok(cpu * 1e6 / (times * size * BURST) as f64)
    };
    spread(&mut client)?;
    let stanza = (0..ROUNDS).map(|_| spread(&mut client)).collect::<io::Result<Vec<f64>>>()?;
    let each = (memory - before) as f64 / more as f64 / 1000.0;
    Ok(vec![
        size.to_string(),
        format!("{:.3}", login * 1e3),
        if more < LOGINS { String::new() } else { format!("{each:.1}") },
        format!("{:.2}", median(stanza.clone())),
        format!("{:.2}", least(&stanza)),
    ])
}
