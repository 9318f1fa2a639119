//! What plays.

use serde_json::{Map, Value};

use crate::{Failure, Shown};

/// A client that makes calls on one connection after another, and says what they deliver. [`Scenarios::play`] tells it
/// what to do; each method is a request of the protocol in the README, which says more, as are the objects of JSON.
///
/// [`Scenarios::play`]: crate::Scenarios::play
#[expect(async_fn_in_trait, reason = "everything here runs on the thread that asks")]
pub trait Player {
    /// Makes the connection that is played with from now on: with these options, and this token or none.
    async fn begin(&mut self, options: &Value, token: Option<&str>) -> Result<(), Failure>;

    /// Makes a call, does not wait for its outcome, and returns the status of the call itself. Its outcome, if that is
    /// `ok`, is delivered with `number`.
    async fn call(
        &mut self,
        name: &str,
        arguments: &Map<String, Value>,
        number: u64,
    ) -> Result<String, Failure>;

    /// Waits for the next delivery.
    async fn next(&mut self) -> Result<Value, Failure>;

    /// What has been delivered beyond, without waiting.
    async fn rest(&mut self) -> Result<Vec<Value>, Failure>;

    /// All that a program could have shown of the connection; of the log and what is printed, since the last time.
    async fn shown(&mut self) -> Result<Shown, Failure>;

    /// Drops the connection, and forgets what it has delivered and may still deliver.
    async fn end(&mut self) -> Result<(), Failure>;
}
