//! The native module of the Python package `jitsimeet`: handles of the engine, without an opinion about asyncio.
//!
//! What users see is written in Python (`python/jitsimeet`); the signatures stand in `_native.pyi`.

mod classes;
mod connection;
mod dispatcher;
mod error;
mod hub;
mod logs;
mod options;
mod secret;
mod test_server;

use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Seconds, as callers give a timeout.
fn duration(timeout: f64) -> PyResult<Duration> {
    let timeout = Duration::try_from_secs_f64(timeout)
        .map_err(|error| PyValueError::new_err(format!("timeout: {error}")))?;
    // The engine adds it to the present moment.
    match Instant::now().checked_add(timeout) {
        Some(_) => Ok(timeout),
        None => Err(PyValueError::new_err("timeout: too long")),
    }
}

#[pymodule]
mod _native {
    use jitsimeet::options::OPTIONS;
    use jitsimeet::{Code, ConnectionState, ErrorType, EventKind, Milestone, Options, Status};
    use pyo3::prelude::*;
    use pyo3::types::{PyDict, PyTuple};

    #[pymodule_export]
    use crate::connection::Connection;
    #[pymodule_export]
    use crate::hub::Hub;
    #[pymodule_export]
    use crate::test_server::TestServer;
    use crate::{dispatcher, duration, error, logs, options};

    #[pymodule_init]
    fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        let add = |name, values: Vec<&str>| module.add(name, PyTuple::new(py, values)?);
        logs::open();
        module.add("__version__", jitsimeet::VERSION)?;
        let events = EventKind::ALL.iter().filter(|kind| !kind.is_conference());
        add("EVENTS", events.map(|value| value.as_str()).collect())?;
        add("ERROR_TYPES", ErrorType::ALL.iter().map(|value| value.as_str()).collect())?;
        add("CODES", Code::ALL.iter().map(|value| value.as_str()).collect())?;
        add("STATUSES", Status::ALL.iter().map(|value| value.as_str()).collect())?;
        add("CONNECTION_TIMES", Milestone::ALL.iter().map(|value| value.as_str()).collect())?;
        add("STATES", ConnectionState::ALL.iter().map(|value| value.as_str()).collect())?;
        add("OPTIONS", OPTIONS.iter().map(|option| option.path).collect())
    }

    #[pyfunction]
    fn init(py: Python<'_>, keywords: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut options = Options::new();
        options::merge_keywords(&mut options, keywords)?;
        jitsimeet::init(&options).map_err(|error| error::exception(py, error))
    }

    #[pyfunction]
    fn set_log_level(py: Python<'_>, level: &str) -> PyResult<()> {
        logs::set_level(py, level)
    }

    #[pyfunction]
    fn set_network_info(is_online: bool) {
        jitsimeet::set_network_info(is_online);
    }

    #[pyfunction]
    fn shutdown(py: Python<'_>, timeout: f64, exiting: bool) -> PyResult<()> {
        let timeout = duration(timeout)?;
        // Connections deliver their last events meanwhile, for which the dispatcher needs the GIL.
        py.detach(|| {
            let outcome = jitsimeet::shutdown(timeout);
            dispatcher::stop(exiting);
            outcome
        })
        .map_err(|error| error::exception(py, error))
    }
}
