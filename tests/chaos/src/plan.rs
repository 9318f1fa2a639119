//! What chance does to a client: decided before it begins, so that a seed decides the same again.

use fastrand::Rng;
use jitsimeet_testproxy::{Conditions, Corruption, Direction, Offset};
use serde_json::{Value, json};

use crate::model::Claims;
use crate::script::{Script, Step};
use crate::world::{Login, Transport};

/// More bytes than a client sends or receives in most connections.
const BYTES: u64 = 6_000;

/// Who a client is, and what may happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Connections are lost, and nothing else: no session may be.
    Cuts,
    /// Links go silent, and the server forgets sessions.
    Losses,
    /// The same, with fresh sessions instead of lost ones.
    Reconnects,
    /// The first, by BOSH.
    Bosh,
    /// Bytes are changed.
    Corruption,
}

impl Role {
    /// The role of a client by its number: each kind of trouble is there among any eight.
    #[must_use]
    pub const fn of(client: u64) -> Self {
        match client % 8 {
            0..3 => Self::Cuts,
            3..6 => Self::Losses,
            6 => Self::Reconnects,
            _ => Self::Bosh,
        }
    }

    const fn claims(self) -> Claims {
        match self {
            Self::Cuts | Self::Bosh => Claims::CUTS,
            Self::Losses => Claims::LOSSES,
            Self::Reconnects => Claims { reconnects: true, ..Claims::LOSSES },
            Self::Corruption => Claims::CORRUPTION,
        }
    }

    fn options(self) -> Value {
        // Not so short that a busy machine looks like a dead link.
        let impatient =
            json!({ "disconnectTimeout": 1_000, "xmppPing": { "interval": 2_000, "timeout": 3_000 } });
        match self {
            Self::Cuts | Self::Bosh => json!({}),
            Self::Losses | Self::Corruption => impatient,
            Self::Reconnects => {
                let mut options = impatient;
                options["reconnect"] = json!({ "maxAttempts": 50, "baseDelay": 20, "maxDelay": 200 });
                options
            }
        }
    }
}

/// What a client goes through in one of its lives.
#[must_use]
pub fn plan(seed: u64, role: Role, client: u64, life: u64) -> Script {
    // Neighbours must not resemble each other.
    let mut random = Rng::with_seed(seed);
    let mut random =
        Rng::with_seed(random.u64(..) ^ client.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (life << 48));
    let mut steps = vec![Step::Next(vec![conditions(&mut random, role)])];
    for _ in 0..random.u32(4..12) {
        trouble(&mut random, role, &mut steps);
    }
    steps.extend([Step::Refuse(false), Step::Next(Vec::new()), Step::Settle, Step::Disconnect]);
    let account = random.u8(0..4) == 0;
    Script {
        login: if account { Login::Account } else { Login::Guest },
        transport: if role == Role::Bosh { Transport::Bosh } else { Transport::WebSocket },
        claims: role.claims(),
        options: role.options(),
        steps,
    }
}

fn trouble(random: &mut Rng, role: Role, steps: &mut Vec<Step>) {
    let losses = matches!(role, Role::Losses | Role::Reconnects | Role::Corruption);
    match random.u8(0..24) {
        0..6 => steps.push(Step::Send(random.u32(1..10))),
        6..12 => steps.push(Step::Receive(random.u32(1..10))),
        12..15 => steps.push(Step::Pause(random.u64(0..1_000))),
        15..17 => steps.push(Step::Cut),
        17..20 => {
            let count = random.usize(1..3);
            steps.push(Step::Next((0..count).map(|_| conditions(random, role)).collect()));
            // So that they come to bear.
            steps.push(Step::Cut);
        }
        20 => {
            let pause = Step::Pause(random.u64(0..300));
            steps.extend([Step::Refuse(true), Step::Cut, pause, Step::Refuse(false)]);
        }
        21 => steps.push(Step::Settle),
        22 if role != Role::Bosh => steps.push(Step::Refresh),
        23 if losses && random.bool() => steps.push(Step::Stall),
        23 if losses => steps.push(Step::Forget),
        _ => steps.extend([Step::Settle, Step::Disconnect]),
    }
}

/// What the network does to a connection.
fn conditions(random: &mut Rng, role: Role) -> Conditions {
    let mut conditions = Conditions::default();
    let direction = if random.bool() { Direction::ToServer } else { Direction::ToClient };
    let bytes = random.u64(0..BYTES);
    let offset = Some(Offset { direction, bytes });
    match random.u8(0..12) {
        0..3 => conditions.cut = offset,
        3 => conditions.cut_after = Some(random.u64(0..500)),
        4 if matches!(role, Role::Losses | Role::Reconnects) => conditions.stall = offset,
        5..8 if role == Role::Corruption => {
            conditions.corrupt = Some(Corruption { direction, bytes, mask: 1 << random.u8(0..8) });
        }
        8 => conditions.split = Some(random.usize(1..50)),
        9 => conditions.merge = Some(random.u64(1..50)),
        10 => conditions.delay = random.u64(1..50),
        _ => {}
    }
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_same_again_and_another_seed_something_else() {
        let all = |seed| {
            let lives = (0..16).flat_map(|client| (0..4).map(move |life| (client, life)));
            lives.map(|(client, life)| plan(seed, Role::of(client), client, life)).collect::<Vec<_>>()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
        let mut steps: Vec<_> = all(1).into_iter().map(|script| script.steps).collect();
        steps.dedup();
        assert_eq!(steps.len(), 64, "no two lives are the same");
    }

    #[test]
    fn what_is_claimed_is_not_undone_by_the_plan() {
        for client in 0..200 {
            let script = plan(7, Role::of(client), client, 0);
            let forgets = script.steps.iter().any(|step| matches!(step, Step::Forget | Step::Stall));
            assert!(!(forgets && script.claims.keeps_session), "{script:?}");
        }
    }
}
