//! The programs that are measured, each in a process of its own. Peers that are none of this workspace's business are
//! in `peers/`.

mod floor;
mod jitsimeet;

use std::io;

use serde_json::Value;

use crate::machine::{self, Core};
use crate::orders::obey;

/// What the session asks the server for.
fn flood_request(what: &str, count: usize) -> String {
    format!("<message xmlns='jabber:client' to='meet.example'><body>{what}:{count}</body></message>")
}

/// Runs the client of this name against the server at a URL.
pub fn run(name: &str, url: &str, options: &Value) -> io::Result<()> {
    machine::raise_file_limit();
    if options["pinned"] == true {
        machine::pin(Core::Last);
    }
    match name {
        "floor" => obey(floor::Floor::new(url)),
        "jitsimeet" => obey(jitsimeet::Hub::new(url, options)),
        "jitsimeet-stream" => obey(jitsimeet::Stream::new(url, options)),
        other => panic!("there is no client {other}"),
    }
}
