//! What a measured program is told to do: lines of text. `open COUNT AT_ONCE`, `flood COUNT`, `spread EACH`, `resume`,
//! `idle MILLISECONDS`, `close`. It answers each with what it took: nanoseconds of the processor's, nanoseconds of the
//! clock, and the bytes that the process has then.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine;

/// What each of them can do. Not every one is measured in everything.
pub trait Client {
    /// Logs so many sessions in, at most `at_once` at the same time, and keeps them.
    fn open(&mut self, count: usize, at_once: usize);
    /// Has the server send so many stanzas to the first session, and reads who sent each.
    fn flood(&mut self, count: usize);
    /// Has the server send so many stanzas to each session, and reads who sent each.
    fn spread(&mut self, _each: usize) {
        panic!("that is not measured here")
    }
    /// Waits until every session has been lost and is there again.
    fn resume(&mut self) {
        panic!("that is not measured here")
    }
    /// Lets time go by.
    fn idle(&mut self, time: Duration) {
        thread::sleep(time);
    }
    fn close(&mut self);
}

pub fn obey(mut client: impl Client) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
        let (cpu, begun) = (machine::cpu(), Instant::now());
        match verb {
            "open" => client.open(number(), number()),
            "flood" => client.flood(number()),
            "spread" => client.spread(number()),
            "resume" => client.resume(),
            "idle" => client.idle(Duration::from_millis(number() as u64)),
            "close" => client.close(),
            other => panic!("there is no order {other}"),
        }
        let (cpu, wall) = (machine::cpu() - cpu, begun.elapsed());
        println!("{} {} {}", cpu.as_nanos(), wall.as_nanos(), machine::memory());
        io::stdout().flush()?;
    }
    Ok(())
}
