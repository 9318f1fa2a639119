//! What must never be shown, and whether a player has shown it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Failure;

/// Shorter texts are found anywhere.
const SHORTEST: usize = 6;
/// How much of what surrounds a secret is told.
const AROUND: usize = 150;

/// All that a program could have shown of its connection.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// What the library has logged, at the level of which there is none lower.
    pub log: String,
    /// The connection, its events and its errors, as the language prints them.
    pub printed: String,
    /// What `getLogs()` returns.
    pub get_logs: String,
}

/// The secrets of the scenarios that were played: a record of the log may come when the next is played already.
#[derive(Debug, Default)]
pub(crate) struct Secrets(BTreeSet<String>);

impl Secrets {
    pub(crate) fn add(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        if secret.len() >= SHORTEST {
            self.0.insert(secret);
        }
    }

    /// A token, and what of it cannot be told from what it says.
    pub(crate) fn add_token(&mut self, token: &str) {
        self.add(token);
        self.add(token.rsplit('.').next().unwrap_or_default());
    }

    /// That none of them is shown.
    pub(crate) fn check(&self, shown: &Shown) -> Result<(), Failure> {
        let places =
            [("the log", &shown.log), ("what is printed", &shown.printed), ("getLogs()", &shown.get_logs)];
        for (place, text) in places {
            for secret in &self.0 {
                if let Some(at) = text.find(secret.as_str()) {
                    let around = around(text, at, secret.len());
                    return Err(Failure::new(format!("the secret {secret} is in {place}: {around}")));
                }
            }
        }
        Ok(())
    }
}

fn around(text: &str, at: usize, length: usize) -> &str {
    let (before, behind) = (&text[..at], &text[at + length..]);
    let from = before.char_indices().rev().nth(AROUND).map_or(0, |(from, _)| from);
    let to = behind.char_indices().nth(AROUND).map_or(behind.len(), |(to, _)| to);
    &text[from..at + length + to]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_is_shown() {
        let mut secrets = Secrets::default();
        secrets.add("canary");
        secrets.add_token("head.body.signature");
        secrets.add("short");
        let clean = || Shown { log: "short head".into(), printed: "body".into(), get_logs: "***".into() };
        assert!(secrets.check(&clean()).is_ok());
        for secret in ["canary", "signature", "head.body.signature"] {
            let text = format!("ä{secret}ö");
            for shown in [
                Shown { log: text.clone(), ..clean() },
                Shown { printed: text.clone(), ..clean() },
                Shown { get_logs: text.clone(), ..clean() },
            ] {
                assert!(secrets.check(&shown).is_err(), "{shown:?}");
            }
        }
    }
}
