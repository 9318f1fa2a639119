//! The handle of a connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jitsimeet::{ConnectionId, JitsiConnection, Options};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::exception;
use crate::hub::Hub;
use crate::{dispatcher, options};

/// Dropping it closes the connection in the background.
#[pyclass(frozen, module = "jitsimeet._native")]
pub(crate) struct Connection {
    app_id: Option<String>,
    token: Option<String>,
    options: Options,
    /// In no hub before `attach`: made to have the options checked, and to answer for an unused connection.
    connection: Mutex<JitsiConnection>,
}

impl Connection {
    fn core(&self) -> MutexGuard<'_, JitsiConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Connection {
    #[new]
    fn new(
        py: Python<'_>,
        app_id: Option<String>,
        token: Option<String>,
        options: Option<&Bound<'_, PyDict>>,
        keywords: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let mut merged = Options::new();
        if let Some(options) = options {
            merged.merge(options::from_dict(options)?).map_err(|error| exception(py, error))?;
        }
        merged.merge_keywords(options::from_dict(keywords)?).map_err(|error| exception(py, error))?;
        let connection = JitsiConnection::new(app_id.as_deref(), token.as_deref(), &merged)
            .map_err(|error| exception(py, error))?;
        Ok(Self { app_id, token, options: merged, connection: Mutex::new(connection) })
    }

    fn attach(&self, py: Python<'_>, hub: &Hub) -> PyResult<ConnectionId> {
        let (app_id, token) = (self.app_id.as_deref(), self.token.as_deref());
        let connection = JitsiConnection::with_hub(hub.core(), app_id, token, &self.options)
            .map_err(|error| exception(py, error))?;
        let id = connection.id();
        *self.core() = connection;
        Ok(id)
    }

    fn connect(&self, py: Python<'_>, token: u64) -> PyResult<()> {
        dispatcher::start()?;
        let started = self.core().start_connect(Some(token));
        started.map_err(|error| exception(py, error))
    }

    fn disconnect(&self, token: u64) -> PyResult<()> {
        dispatcher::start()?;
        self.core().start_disconnect(Some(token));
        Ok(())
    }

    fn jid(&self) -> Option<String> {
        self.core().jid()
    }

    fn connection_times<'py>(&self, py: Python<'py>, now: f64) -> PyResult<Bound<'py, PyDict>> {
        let reached = self.core().connection_times();
        let times = PyDict::new(py);
        for (milestone, moment) in reached.on_clock(now) {
            times.set_item(milestone.as_str(), moment)?;
        }
        Ok(times)
    }
}
