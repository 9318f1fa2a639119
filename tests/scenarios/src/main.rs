//! Plays the scenarios with a program in any language; see the README beside this crate.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use jitsimeet_testscenarios::{DEADLINE, Failure, Place, ProcessPlayer, Scenarios};

/// Plays the scenarios of tests/scenarios with a program that makes the calls and says what they deliver.
///
/// Exits with 0 if every scenario was played to its end, and with 1 if not.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to play; may be given several times. Everywhere if not given.
    #[arg(long = "place", value_name = "PLACE")]
    places: Vec<Place>,
    /// The name of a scenario; may be given several times. All if not given.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Say which scenarios there are, and where each can be played, and play none.
    #[arg(long)]
    list: bool,
    /// How many seconds the program may take for an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = DEADLINE.as_secs())]
    deadline: u64,
    /// The program, and its arguments.
    #[arg(last = true, required_unless_present = "list", value_names = ["PROGRAM", "ARGS"])]
    program: Vec<OsString>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("jitsimeet-scenarios: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<bool, Failure> {
    let mut scenarios = Scenarios::read()?;
    if !arguments.only.is_empty() {
        scenarios = scenarios.only(&arguments.only)?;
    }
    let places = match arguments.places.as_slice() {
        [] => Place::value_variants(),
        given => given,
    };
    scenarios = scenarios.at(places)?;
    if arguments.list {
        for (name, places) in scenarios.list() {
            let places: Vec<_> = places.iter().map(ToString::to_string).collect();
            println!("{name}: {}", places.join(", "));
        }
        return Ok(true);
    }
    let deadline = Duration::from_secs(arguments.deadline);
    let mut player = ProcessPlayer::start(&arguments.program)?;
    let mut all = true;
    for place in places {
        all &= scenarios.play(*place, &mut player, deadline).await?;
    }
    player.finish(deadline).await?;
    Ok(all)
}
