//! The embedded server of `jitsimeet.testing`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jitsimeet_testserver::{Options, TestServer as Server};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

/// How long its connections get to notice that it ends.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A running server, with a thread of its own. Dropping it ends it.
#[pyclass(frozen, module = "jitsimeet._native")]
pub(crate) struct TestServer {
    /// The process whose thread it is.
    process: u32,
    running: Mutex<Option<Running>>,
}

struct Running {
    server: Server,
    runtime: Runtime,
}

impl Running {
    fn stop(self) {
        drop(self.server);
        self.runtime.shutdown_timeout(STOP_TIMEOUT);
    }
}

impl TestServer {
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl TestServer {
    #[new]
    fn new(py: Python<'_>, options: &str) -> PyResult<Self> {
        let options: Options =
            serde_json::from_str(options).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let running = py.detach(|| {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("test-server")
                .enable_all()
                .build()?;
            let server = runtime.block_on(Server::start(options))?;
            Ok::<_, std::io::Error>(Running { server, runtime })
        })?;
        Ok(Self { process: std::process::id(), running: Mutex::new(Some(running)) })
    }

    fn about(&self) -> PyResult<String> {
        self.with(|server| server.about().to_string())
    }

    fn command(&self, command: &str) -> PyResult<String> {
        self.with(|server| server.command(command).to_string())
    }

    fn close(&self, py: Python<'_>) {
        if self.process == std::process::id() {
            let running = self.running().take();
            py.detach(|| running.map(Running::stop));
        }
    }
}

impl TestServer {
    fn with<T>(&self, ask: impl FnOnce(&Server) -> T) -> PyResult<T> {
        if self.process != std::process::id() {
            return Err(PyRuntimeError::new_err(
                "the server belongs to the process that this one was forked from",
            ));
        }
        match &*self.running() {
            Some(running) => Ok(ask(&running.server)),
            None => Err(PyRuntimeError::new_err("the server is closed")),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let running = self.running().take();
        if self.process == std::process::id() {
            if let Some(running) = running {
                // Not waiting: whoever drops it has the GIL.
                drop(running.server);
                running.runtime.shutdown_background();
            }
        } else {
            // Its thread is not in this process, and would be waited for.
            std::mem::forget(running);
        }
    }
}
