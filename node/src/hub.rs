//! The event hub of one JavaScript environment.

use jitsimeet::EventHub;
use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::connection::Connection;
use crate::delivery::{Delivery, Turn};

/// Collects the events of all connections of an environment and wakes its event loop.
#[napi]
pub struct Hub {
    hub: EventHub,
}

#[napi]
impl Hub {
    /// Makes the hub. `wake` is called on the event loop when there is something to drain, and not again until a
    /// turn had no more. It does not keep the event loop alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: &Env, wake: Function<'_, (), ()>) -> napi::Result<Self> {
        let wake = wake.build_threadsafe_function::<()>().weak::<true>().max_queue_size::<1>().build()?;
        let hub = EventHub::new(move || {
            // A full queue is a wake-up that has not run yet; a closing one is an environment that ends.
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        env.add_env_cleanup_hook(hub.clone(), |hub| hub.close())?;
        Ok(Self { hub })
    }

    /// Makes a connection, from options as JSON. Throws an `ErrorRecord`.
    #[napi(catch_unwind)]
    pub fn create_connection(
        &self,
        env: &Env,
        app_id: Option<String>,
        token: Option<String>,
        options: String,
    ) -> napi::Result<Connection> {
        Connection::new(&self.hub, app_id.as_deref(), token.as_deref(), &options)
            .map_err(|error| crate::error::throw(env, &error))
    }

    /// Takes at most `max` deliveries.
    #[napi(catch_unwind)]
    pub fn drain(&self, max: u32) -> Turn {
        let mut deliveries = Vec::new();
        let drained = self.hub.drain(max as usize, |id, item| deliveries.extend(Delivery::new(id, item)));
        Turn { deliveries, more: drained == jitsimeet::Drained::More }
    }
}
