//! The handle of a connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jitsimeet::{
    AttachOptions, ConnectOptions, ConnectionId, ConnectionState, Error, JitsiConnection, Options,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::exception;
use crate::hub::Hub;
use crate::secret::Secret;
use crate::{classes, dispatcher, duration, logs, options};

/// Dropping it closes the connection in the background.
#[pyclass(frozen, weakref, module = "jitsimeet._native")]
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

    /// Starts a call whose outcome comes through the hub.
    fn start(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&JitsiConnection) -> Result<(), Error>,
    ) -> PyResult<()> {
        dispatcher::start()?;
        let started = call(&self.core());
        started.map_err(|error| exception(py, error))
    }
}

#[pymethods]
impl Connection {
    #[new]
    fn new(
        py: Python<'_>,
        app_id: Option<String>,
        token: Option<Secret>,
        options: Option<&Bound<'_, PyDict>>,
        keywords: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        logs::open();
        let token = token.map(Secret::into_inner);
        let mut merged = Options::new();
        if let Some(options) = options {
            merged.merge(options::from_dict(options)?).map_err(|error| exception(py, error))?;
        }
        options::merge_keywords(&mut merged, keywords)?;
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

    fn connect(
        &self,
        py: Python<'_>,
        account: Option<String>,
        password: Option<Secret>,
        name: Option<String>,
        call: u64,
    ) -> PyResult<()> {
        let mut options = ConnectOptions::default();
        options.id = account;
        options.password = password.map(Secret::into_inner);
        options.name = name;
        self.start(py, |connection| connection.start_connect(&options, Some(call)))
    }

    fn attach_session(
        &self,
        py: Python<'_>,
        jid: String,
        sid: Secret,
        rid: String,
        call: u64,
    ) -> PyResult<()> {
        let options = AttachOptions::new(jid, sid.into_inner(), rid);
        self.start(py, |connection| connection.start_attach(&options, Some(call)))
    }

    fn disconnect(&self, py: Python<'_>, call: u64) -> PyResult<()> {
        self.start(py, |connection| connection.start_disconnect(Some(call)))
    }

    fn refresh_token(&self, py: Python<'_>, token: Secret, call: u64) -> PyResult<()> {
        self.start(py, |connection| connection.start_refresh_token(&token.into_inner(), Some(call)))
    }

    fn send_stanza(&self, py: Python<'_>, xml: &str, call: u64) -> PyResult<()> {
        self.start(py, |connection| connection.start_send_stanza(xml, Some(call)))
    }

    fn send_iq(&self, py: Python<'_>, xml: &str, timeout: Option<f64>, call: u64) -> PyResult<()> {
        let timeout = timeout.map(duration).transpose()?;
        self.start(py, |connection| connection.start_send_iq(xml, timeout, Some(call)))
    }

    fn ping(&self, py: Python<'_>, timeout: Option<f64>, call: u64) -> PyResult<()> {
        let timeout = timeout.map(duration).transpose()?;
        self.start(py, |connection| connection.start_ping(timeout, Some(call)))
    }

    fn send_conference_request(&self, py: Python<'_>, room: &str, call: u64) -> PyResult<()> {
        self.start(py, |connection| connection.start_send_conference_request(room, Some(call)))
    }

    fn add_feature(&self, py: Python<'_>, feature: &str, submit: bool) -> PyResult<()> {
        self.core().add_feature(feature, submit).map_err(|error| exception(py, error))
    }

    fn remove_feature(&self, py: Python<'_>, feature: &str, submit: bool) -> PyResult<()> {
        self.core().remove_feature(feature, submit).map_err(|error| exception(py, error))
    }

    fn set_stanza_listening(&self, py: Python<'_>, listening: bool) -> PyResult<()> {
        self.core().set_stanza_listening(listening).map_err(|error| exception(py, error))
    }

    fn hold(&self, xml: Option<&str>) {
        self.core().hold_event(xml.map_or(0, str::len));
    }

    fn release(&self, xml: Option<&str>) {
        self.core().release_event(xml.map_or(0, str::len));
    }

    fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        self.core().check_process().map_err(|error| exception(py, error))
    }

    fn id(&self) -> ConnectionId {
        self.core().id()
    }

    fn is_idle(&self) -> bool {
        self.core().state() == ConnectionState::Idle
    }

    fn jid(&self) -> Option<String> {
        self.core().jid()
    }

    fn state(&self) -> &'static str {
        self.core().state().as_str()
    }

    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        classes::statistics(py, self.core().statistics())
    }

    fn logs(&self, py: Python<'_>) -> PyResult<String> {
        json(py, serde_json::to_string(&self.core().logs()))
    }

    fn properties(&self, py: Python<'_>) -> PyResult<String> {
        json(py, serde_json::to_string(&self.core().properties()))
    }

    fn ice_servers(&self, py: Python<'_>) -> PyResult<String> {
        json(py, serde_json::to_string(&self.core().ice_servers()))
    }

    fn connection_times<'py>(&self, py: Python<'py>, now: f64) -> PyResult<Bound<'py, PyDict>> {
        let reached = self.core().connection_times();
        let times = PyDict::new(py);
        for (milestone, moment) in reached.on_clock(now) {
            times.set_item(milestone.as_str(), moment)?;
        }
        if let Some(round_trips) = reached.round_trips() {
            times.set_item("round_trips", round_trips)?;
        }
        Ok(times)
    }
}

fn json(py: Python<'_>, text: serde_json::Result<String>) -> PyResult<String> {
    text.map_err(|error| exception(py, Error::Internal(error.to_string())))
}
