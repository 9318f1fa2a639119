//! Many clients, disturbed at random, for a while.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use tokio::time::sleep;

use crate::client::Broken;
use crate::model::Tally;
use crate::plan::{Role, plan};
use crate::resources::{Resources, check_flat};
use crate::script::play;
use crate::world::{Site, World};

/// Between two looks at what the process uses.
const LOOK: Duration = Duration::from_millis(500);
/// One client in so many has its bytes changed, on a server of their own: what is changed may name any session.
const CORRUPTED: u64 = 10;
/// Clients begin one after the other: a thousand logins at once are another test.
const STAGGER: Duration = Duration::from_millis(10);
/// More is not read by anybody.
const REPORTED: usize = 20;

/// What came of a soak.
#[derive(Debug)]
pub struct Soaked {
    /// How many lives were lived.
    pub lives: u64,
    /// All that happened.
    pub tally: Tally,
    /// The codes of all that failed.
    pub codes: std::collections::BTreeSet<&'static str>,
    /// What was used at most when all was warm, and at the end.
    pub used: Option<(Resources, Resources)>,
    /// What was found wrong.
    pub broken: Vec<String>,
}

impl fmt::Display for Soaked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} lives: {:?}", self.lives, self.tally)?;
        writeln!(f, "codes: {:?}", self.codes)?;
        match &self.used {
            Some((warm, end)) => write!(f, "at most {warm:?} when warm, {end:?} at the end"),
            None => f.write_str("what it used was not measured"),
        }
    }
}

/// Lets so many clients live for so long, one life after the other.
///
/// # Errors
/// A server does not start, or the machine does not tell what is used.
pub async fn soak(seed: u64, clients: u64, time: Duration) -> Result<Soaked, Broken> {
    let world = World::with_peer(Site::embedded().await?).await?;
    let corrupt = World::lonely(Site::embedded().await?);
    let end = Instant::now() + time;
    let over = AtomicBool::new(false);
    let living = async {
        let all = (0..clients).map(|client| {
            let (world, role) = match client % CORRUPTED {
                9 => (&corrupt, Role::Corruption),
                _ => (&world, Role::of(client)),
            };
            live(world, seed, role, client, end)
        });
        let lives = join_all(all).await;
        over.store(true, Ordering::Relaxed);
        lives
    };
    let (lives, samples) = join(living, watch(end, &over)).await;
    let mut soaked = Soaked {
        lives: 0,
        tally: Tally::default(),
        codes: std::collections::BTreeSet::new(),
        used: None,
        broken: world.violations(),
    };
    for life in lives {
        soaked.lives += life.lives;
        soaked.tally += life.tally;
        soaked.codes.extend(life.codes);
        soaked.broken.extend(life.broken);
    }
    let Tally { established, failed, resumed, lost, received, refreshed, .. } = soaked.tally;
    if [established, failed, resumed, lost, received, refreshed].contains(&0) {
        soaked.broken.push("a soak in which little happens proves little".to_owned());
    }
    soaked.broken.truncate(REPORTED);
    match check_flat(&samples?) {
        Ok(used) => soaked.used = Some(used),
        Err(Broken(what)) => soaked.broken.push(what),
    }
    Ok(soaked)
}

/// One client's lives, up to the first in which a rule is broken.
async fn live(world: &World, seed: u64, role: Role, client: u64, end: Instant) -> Soaked {
    let mut soaked = Soaked {
        lives: 0,
        tally: Tally::default(),
        codes: std::collections::BTreeSet::new(),
        used: None,
        broken: Vec::new(),
    };
    sleep(STAGGER * u32::try_from(client).unwrap_or(u32::MAX)).await;
    while Instant::now() < end {
        let life = soaked.lives;
        match play(world, &plan(seed, role, client, life)).await {
            Ok(played) => {
                soaked.tally += played.tally;
                soaked.codes.extend(played.codes);
            }
            Err(Broken(what)) => {
                soaked.broken.push(format!("seed {seed}, {role:?}, client {client}, life {life}: {what}"));
                return soaked;
            }
        }
        soaked.lives += 1;
    }
    soaked
}

/// What the process uses meanwhile.
async fn watch(end: Instant, over: &AtomicBool) -> Result<Vec<Resources>, Broken> {
    let mut samples = Vec::new();
    while Instant::now() < end && !over.load(Ordering::Relaxed) {
        samples.push(Resources::now()?);
        sleep(LOOK).await;
    }
    Ok(samples)
}
