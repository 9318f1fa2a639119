//! The embedded server, for `jitsimeet/testing`.

use std::io;
use std::sync::{Mutex, PoisonError};

use jitsimeet_testserver::{Options, TestServer as Server};
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Error, Task};
use napi_derive::napi;
use tokio::runtime::{Builder, Runtime};

/// A thread of its own for the servers, so that they neither wait for the connections under test nor hold them up. It
/// is there while a server is.
fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("jitsimeet-testing")
        .enable_io()
        .enable_time()
        .build()
}

/// A running server.
#[napi]
pub struct TestServer {
    running: Mutex<Option<Running>>,
    about: String,
}

/// Dropped in this order: the server stops before the thread that serves it.
struct Running {
    server: Server,
    runtime: Runtime,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

#[napi]
impl TestServer {
    /// Where it is, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> String {
        self.about.clone()
    }

    /// Does what a JSON object says; returns what it answers, as JSON, or nothing if it is closed.
    #[napi(catch_unwind)]
    pub fn command(&self, command: String) -> Option<String> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|Running { server, .. }| server.command(&command).to_string())
    }

    /// Cuts all connections and frees the port.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.stop();
    }

    fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { server, runtime }) = running {
            drop(server);
            runtime.shutdown_background();
        }
    }
}

/// Starts a server, off the event loop, from options as JSON.
#[napi(catch_unwind, ts_return_type = "Promise<TestServer>")]
pub fn start_test_server(options: String) -> AsyncTask<Start> {
    AsyncTask::new(Start { options })
}

/// The work of `start_test_server`.
pub struct Start {
    options: String,
}

impl Task for Start {
    type Output = TestServer;
    type JsValue = TestServer;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let options: Options = serde_json::from_str(&self.options)
            .map_err(|error| Error::from_reason(format!("the options of a test server: {error}")))?;
        let start = || {
            let runtime = runtime()?;
            let server = runtime.block_on(Server::start(options))?;
            Ok(Running { server, runtime })
        };
        let running: Running = start()
            .map_err(|error: io::Error| Error::from_reason(format!("cannot start a test server: {error}")))?;
        let about = running.server.about().to_string();
        Ok(TestServer { running: Mutex::new(Some(running)), about })
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(output)
    }
}
