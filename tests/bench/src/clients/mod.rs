//! The programs in Rust that are measured. The others are in `peers/`, `py/benchmarks` and `node/bench`.

mod floor;
mod jitsimeet;

use std::io;

use serde_json::Value;

use crate::machine;
use crate::orders::obey;

/// What the session asks the server for.
fn flood_request(what: &str, count: usize) -> String {
    format!("<message xmlns='jabber:client' to='meet.example'><body>{what}:{count}</body></message>")
}

/// Runs the client of this name against the server at a URL.
pub fn run(name: &str, url: &str, options: &Value) -> io::Result<()> {
    machine::raise_file_limit();
    match name {
        "floor" => obey(floor::Floor::new(url)),
        "jitsimeet" => obey(jitsimeet::Hub::new(url, options)),
        "jitsimeet-stream" => obey(jitsimeet::Stream::new(url, options)),
        other => panic!("there is no client {other}"),
    }
}
