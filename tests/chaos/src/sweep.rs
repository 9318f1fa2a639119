//! One script again and again, with a disturbance at one byte after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use jitsimeet_testproxy::{Conditions, Direction, Offset};
use serde_json::json;

use crate::client::Broken;
use crate::model::{Claims, Tally};
use crate::script::{Played, play};
use crate::scripts::Scene;
use crate::world::{Site, World};

/// How many clients are disturbed at once.
const AT_ONCE: usize = 64;
/// How many a server sees before it is replaced: its ports are not free again at once.
const BATCH: usize = 2_000;
/// Ids and numbers differ in length from run to run.
const MARGIN: u64 = 8;

/// What happens at the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The connection ends.
    Cut,
    /// Nothing is carried any more.
    Stall,
    /// The byte is another one.
    Corrupt,
}

/// Which bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Every so many; 1 is all.
    pub stride: u64,
    /// Where to begin, and what else is left to chance.
    pub seed: u64,
}

/// A place in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The connection, counted from the first.
    pub connection: usize,
    /// Where in it.
    pub offset: Offset,
}

impl Place {
    fn is_reached(&self, played: &Played) -> bool {
        played.seen.get(self.connection).is_some_and(|seen| match self.offset.direction {
            Direction::ToServer => seen.to_server >= self.offset.bytes,
            Direction::ToClient => seen.to_client >= self.offset.bytes,
        })
    }
}

/// What came of a sweep.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// How many places were tried.
    pub places: usize,
    /// How many of them the connection came to. Some are behind its last byte.
    pub reached: usize,
    /// How long it took.
    pub took: Duration,
    /// All that happened.
    pub tally: Tally,
    /// The codes of all that failed.
    pub codes: std::collections::BTreeSet<&'static str>,
    /// What was found wrong, with the place.
    pub broken: Vec<String>,
}

impl Swept {
    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} places, {} reached, in {:.1} s: {} sessions, {} resumed, {} failures; {:?}",
            self.places,
            self.reached,
            self.took.as_secs_f64(),
            self.tally.established,
            self.tally.resumed,
            self.tally.failed,
            self.codes,
        )
    }
}

/// Disturbs a scene at the bytes of the sample, with servers made by `site`.
///
/// # Errors
/// It does not go through undisturbed, or a server does not start.
pub async fn sweep(
    scene: Scene,
    kind: Kind,
    sample: Sample,
    most: usize,
    mut site: impl AsyncFnMut() -> Result<Site, Broken>,
) -> Result<Swept, Broken> {
    let begun = Instant::now();
    let mut random = fastrand::Rng::with_seed(sample.seed);
    let mut world = world(kind, site().await?).await?;
    let mut places = places(scene, &measure(scene, &world).await?, sample, &mut random);
    if places.len() > most {
        random.shuffle(&mut places);
        places.truncate(most);
    }
    let mut swept = Swept { places: places.len(), ..Swept::default() };
    for (number, batch) in places.chunks(BATCH).enumerate() {
        if number > 0 {
            world = self::world(kind, site().await?).await?;
        }
        let world = Arc::new(&world);
        let masks: Vec<_> = batch.iter().map(|place| (*place, 1 << random.u8(0..8))).collect();
        let mut played = stream::iter(masks)
            .map(|(place, mask)| {
                let world = Arc::clone(&world);
                async move { (place, disturb(&world, scene, kind, place, mask).await) }
            })
            .buffer_unordered(AT_ONCE);
        while let Some((place, outcome)) = played.next().await {
            match outcome {
                Ok(played) => {
                    swept.reached += usize::from(place.is_reached(&played));
                    swept.tally += played.tally;
                    swept.codes.extend(played.codes);
                }
                Err(Broken(what)) => swept.broken.push(format!("{scene:?}, {kind:?} at {place:?}: {what}")),
            }
        }
        swept.broken.extend(world.violations());
    }
    swept.took = begun.elapsed();
    Ok(swept)
}

/// Plays a scene once over a network that does this to all of its bytes, and loses none of them.
///
/// # Errors
/// A rule was broken, or the client lost its connection.
pub async fn bear(world: &World, scene: Scene, conditions: Conditions) -> Result<Played, Broken> {
    let mut script = scene.script(0, Conditions::default(), Claims::CUTS);
    script.steps[0] = crate::script::Step::Next(vec![conditions; 4]);
    let played = play(world, &script).await?;
    let disturbances = played.tally.failed + played.tally.interrupted;
    if disturbances > scene.interruptions() {
        return Err(Broken(format!("{scene:?} under {conditions:?}: {:?}", played.tally)));
    }
    Ok(played)
}

/// Where bytes are changed, what a byte was may be the name of another client: there is no peer.
async fn world(kind: Kind, site: Site) -> Result<World, Broken> {
    match kind {
        Kind::Cut | Kind::Stall => World::with_peer(site).await,
        Kind::Corrupt => Ok(World::lonely(site)),
    }
}

/// What the connections of a scene carry when nothing happens to them.
async fn measure(scene: Scene, world: &World) -> Result<Played, Broken> {
    let played = play(world, &scene.script(0, Conditions::default(), Claims::CUTS)).await?;
    let tally = played.tally;
    if tally.failed > 0 || tally.interrupted != scene.interruptions() || tally.lost > 0 {
        return Err(Broken(format!("{scene:?} fails undisturbed: {tally:?}, {:?}", played.codes)));
    }
    Ok(played)
}

fn places(scene: Scene, undisturbed: &Played, sample: Sample, random: &mut fastrand::Rng) -> Vec<Place> {
    let mut places = Vec::new();
    for connection in scene.disturbed() {
        let Some(seen) = undisturbed.seen.get(*connection) else { continue };
        for (direction, bytes) in
            [(Direction::ToServer, seen.to_server), (Direction::ToClient, seen.to_client)]
        {
            let mut bytes_before = random.u64(0..sample.stride);
            while bytes_before < bytes + MARGIN {
                let offset = Offset { direction, bytes: bytes_before };
                places.push(Place { connection: *connection, offset });
                bytes_before += sample.stride;
            }
        }
    }
    places
}

async fn disturb(
    world: &World,
    scene: Scene,
    kind: Kind,
    Place { connection, offset }: Place,
    mask: u8,
) -> Result<Played, Broken> {
    let mut conditions = Conditions::default();
    match kind {
        Kind::Cut => conditions.cut = Some(offset),
        Kind::Stall => conditions.stall = Some(offset),
        Kind::Corrupt => {
            let Offset { direction, bytes } = offset;
            conditions.corrupt = Some(jitsimeet_testproxy::Corruption { direction, bytes, mask });
        }
    }
    let claims = match kind {
        Kind::Cut | Kind::Stall => world.claims_of_cut(offset.direction),
        Kind::Corrupt => Claims::CORRUPTION,
    };
    let mut script = scene.script(connection, conditions, claims);
    script.options = options(scene, kind);
    let played = play(world, &script).await?;
    // One disturbance is told once.
    let told = played.tally.failed + played.tally.interrupted;
    if claims.keeps_session && told > scene.interruptions() + 1 {
        return Err(Broken(format!("one disturbance is told {told} times: {:?}", played.tally)));
    }
    Ok(played)
}

/// Deadlines that a test can wait for, and not so short that a busy machine looks like a dead link. A BOSH session that
/// pings too soon is given up before a request that got no answer is repeated, and there is none other to come.
fn options(scene: Scene, kind: Kind) -> serde_json::Value {
    match (kind, scene) {
        (Kind::Cut | Kind::Stall, Scene::Bosh) => json!({ "httpTimeout": 60_000 }),
        // A server may answer nothing after a resume (see [`Claims::HALF_FRAMES`]).
        (Kind::Cut, _) => json!({ "xmppPing": { "interval": 2_000, "timeout": 3_000 } }),
        (Kind::Stall | Kind::Corrupt, _) => json!({
            "disconnectTimeout": 1_000,
            "xmppPing": { "interval": 2_000, "timeout": 3_000 },
        }),
    }
}
