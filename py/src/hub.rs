//! The hub of one event loop.

use std::sync::Arc;

use jitsimeet::{Completed, CompletionResult, ConnectionId, Drained, EventHub, Item};
use pyo3::prelude::*;
use pyo3::types::PyString;

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
        let deliveries =
            items.into_iter().map(|(id, item)| delivery(py, id, item)).collect::<PyResult<_>>()?;
        Ok((deliveries, drained == Drained::More))
    }

    fn close(&self) {
        self.hub.close();
    }
}

fn delivery(py: Python<'_>, id: ConnectionId, item: Item) -> PyResult<Delivery<'_>> {
    match item {
        Item::Event(event) => Ok((id, None, classes::event(py, event)?)),
        Item::Completed { token, result } => Ok((id, Some(token), outcome(py, result))),
        _ => unreachable!("the engine delivers events and completions"),
    }
}

/// An exception is returned, not raised: it is for whoever awaits the call.
fn outcome(py: Python<'_>, result: CompletionResult) -> Bound<'_, PyAny> {
    match result {
        Ok(Completed::Connected { jid: text } | Completed::Answer { xml: text }) => {
            PyString::new(py, &text).into_any()
        }
        Ok(_) => py.None().into_bound(py),
        Err(error) => error::exception(py, error).into_value(py).into_bound(py).into_any(),
    }
}
