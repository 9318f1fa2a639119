//! The hub of one event loop.

use std::sync::Arc;

use jitsimeet::{Completed, CompletionResult, ConnectionId, Drained, Error, EventHub, Item};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};

use crate::{classes, dispatcher, error};

/// Connection; token of the call, where the item is the outcome of one; the event or the outcome.
type Delivery<'py> = (ConnectionId, Option<u64>, Bound<'py, PyAny>);

#[pyclass(frozen, module = "jitsimeet._native")]
pub(crate) struct Hub {
    hub: EventHub,
    /// Keeps the callable alive: the waker has a weak reference only, since it is dropped on any thread.
    _wake: Arc<Py<PyAny>>,
}

impl Hub {
    pub(crate) const fn core(&self) -> &EventHub {
        &self.hub
    }
}

#[pymethods]
impl Hub {
    #[new]
    fn new(wake: Py<PyAny>) -> Self {
        let wake = Arc::new(wake);
        let weak = Arc::downgrade(&wake);
        Self { hub: EventHub::new(move || dispatcher::wake(weak.clone())), _wake: wake }
    }

    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<(Vec<Delivery<'py>>, bool)> {
        let mut items = Vec::new();
        let drained = self.hub.drain(limit, |id, item| items.push((id, item)));
        let deliveries = items
            .into_iter()
            .filter_map(|(id, item)| delivery(py, id, item).transpose())
            .collect::<PyResult<_>>()?;
        Ok((deliveries, drained == Drained::More))
    }

    fn close(&self) {
        self.hub.close();
    }
}

/// What cannot be delivered is reported, and takes nothing else with it. The error is what a signal handler of the
/// program has raised meanwhile.
fn delivery(py: Python<'_>, id: ConnectionId, item: Item) -> PyResult<Option<Delivery<'_>>> {
    let delivery = match item {
        Item::Event(event) => classes::event(py, event).map(|event| (id, None, event)),
        Item::Completed { token, result } => outcome(py, result).map(|outcome| (id, Some(token), outcome)),
        _ => Err(unknown(py, "item")),
    };
    match delivery {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            error.write_unraisable(py, None);
            Ok(None)
        }
        delivery => delivery.map(Some),
    }
}

/// An exception is returned, not raised: it is for whoever awaits the call.
fn outcome(py: Python<'_>, result: CompletionResult) -> PyResult<Bound<'_, PyAny>> {
    let outcome = match result {
        Ok(Completed::Done) => Ok(py.None().into_bound(py)),
        Ok(Completed::Connected { jid: text } | Completed::Answer { xml: text }) => {
            Ok(PyString::new(py, &text).into_any())
        }
        Ok(Completed::Pong { round_trip }) => Ok(PyFloat::new(py, round_trip.as_secs_f64()).into_any()),
        Ok(Completed::Conference(conference)) => classes::conference(py, *conference),
        Ok(_) => Err(unknown(py, "outcome")),
        Err(error) => Err(error::exception(py, error)),
    };
    match outcome {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            Ok(error.into_value(py).into_bound(py).into_any())
        }
        outcome => outcome,
    }
}

/// Without what it holds, which may be secret.
fn unknown(py: Python<'_>, what: &str) -> PyErr {
    error::exception(py, Error::Internal(format!("the engine has delivered an {what} that is unknown here")))
}
