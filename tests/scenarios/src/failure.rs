//! Why a scenario was not played to its end.

use std::fmt::Display;
use std::time::Duration;

/// Why a scenario was not played to its end.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    text: String,
    broken: bool,
}

impl Failure {
    /// The scenario went otherwise than it says. The player can play others.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), broken: false }
    }

    /// The player cannot be asked anything any more.
    pub fn broken(text: impl Into<String>) -> Self {
        Self { text: text.into(), broken: true }
    }

    /// Whether the player cannot be asked anything any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Says where it happened.
    pub(crate) fn at(self, place: impl Display) -> Self {
        Self { text: format!("{place}: {}", self.text), ..self }
    }
}

/// Waits for what a player does.
pub(crate) async fn answer<T>(
    deadline: Duration,
    doing: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = |_| Err(Failure::broken(format!("the player did not answer within {deadline:?}")));
    tokio::time::timeout(deadline, doing).await.unwrap_or_else(late)
}
