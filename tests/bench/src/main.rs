//! Measures jitsimeet beside its floor and its peers, on this machine, over the loopback interface. See README.md.
#![forbid(unsafe_code)]

mod clients;
mod compare;
mod conversation;
mod machine;
mod orders;
mod process;
mod programs;
mod report;
mod server;
mod tables;

use std::env;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt;
use std::process::Command;

use jitsimeet_testserver::TestServer;
use machine::Core;
use serde_json::json;
use tokio::runtime::Builder;

/// An odd number, for a median that was measured.
const ROUNDS: NonZeroUsize = NonZeroUsize::new(5).unwrap();

fn main() -> io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["all"] => compare::all(ROUNDS),
        ["all", rounds] => compare::all(rounds.parse().map_err(io::Error::other)?),
        ["core"] => tables::core(),
        ["memory"] => tables::memory(),
        ["scale"] => tables::scale(),
        ["sessions"] => tables::sessions(),
        // The other processes of a measurement.
        ["server"] => serve(server::run()),
        ["embedded", rest @ ..] => serve(embedded(rest == ["tls"])),
        ["client", name, url, options] => clients::run(name, url, &serde_json::from_str(options)?),
        ["pin", program, rest @ ..] => {
            machine::pin(Core::Last);
            Err(Command::new(program).args(rest).exec())
        }
        _ => {
            eprintln!("What is to be measured: all, core, memory, scale or sessions?");
            std::process::exit(2);
        }
    }
}

fn serve(server: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    machine::raise_file_limit();
    machine::pin(Core::First);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(server)
}

async fn embedded(tls: bool) -> io::Result<()> {
    let options = jitsimeet_testserver::Options { tls, ..Default::default() };
    let server = TestServer::start(options).await?;
    println!("{}", json!({ "url": server.service_url(), "authority": server.ca_certificate() }));
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await.map(drop)
}
