//! The long forms: `make chaos` and `make soak`.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use jitsimeet_chaos::client::Broken;
use jitsimeet_chaos::scripts::Scene;
use jitsimeet_chaos::sweep::{Kind, Sample, sweep};
use jitsimeet_chaos::world::Site;
use jitsimeet_chaos::{seed, soak};

/// Disturbs jitsimeet, and checks all that it tells. The variable CHAOS_SEED plays a run again.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Cuts, stalls and changes every scene at every byte, against the embedded server.
    EveryByte {
        /// Cut at every so many bytes.
        #[arg(long, default_value_t = 1)]
        stride: u64,
    },
    /// Disturbs many clients at random, against the embedded server.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// How many clients.
        #[arg(long, default_value_t = 200)]
        connections: u64,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::EveryByte { stride } => every_byte(stride).await,
        Command::Soak { minutes, connections } => soak(minutes, connections).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Broken(what)) => {
            eprintln!("jitsimeet-chaos: {what}");
            ExitCode::FAILURE
        }
    }
}

/// Stalls take their time: every fourth byte of those.
async fn every_byte(stride: u64) -> Result<(), Broken> {
    let seed = seed();
    println!("CHAOS_SEED={seed}");
    let mut broken = Vec::new();
    for (kind, stride) in [(Kind::Cut, stride), (Kind::Corrupt, stride), (Kind::Stall, 4 * stride)] {
        for scene in Scene::ALL {
            let site = async || Ok(Site::embedded().await?);
            let swept = sweep(scene, kind, Sample { stride, seed }, usize::MAX, site).await?;
            println!("{scene:?}, {kind:?}, every {stride}: {}", swept.summary());
            broken.extend(swept.broken);
        }
    }
    verdict(&broken)
}

async fn soak(minutes: u64, connections: u64) -> Result<(), Broken> {
    let seed = seed();
    println!("CHAOS_SEED={seed}");
    let soaked = soak::soak(seed, connections, Duration::from_secs(60 * minutes)).await?;
    println!("{soaked}");
    verdict(&soaked.broken)
}

fn verdict(broken: &[String]) -> Result<(), Broken> {
    for what in broken {
        eprintln!("{what}");
    }
    if broken.is_empty() { Ok(()) } else { Err(Broken(format!("{} rules were broken", broken.len()))) }
}
