//! What the engine logs, on its way to Python's `logging`.

use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use jitsimeet::{Drained, Error, LogLevel, LogRecord, PerProcess, drain_log, open_log};
use pyo3::prelude::*;

use crate::{dispatcher, error};

const RECORDS_PER_CALL: usize = 100;

/// Seconds since 1970; level; part of the library; connection; message.
type Record = (f64, &'static str, &'static str, Option<u64>, String);

/// Has the records of this process delivered from now on.
pub(crate) fn open() {
    static OPENED: PerProcess<OnceLock<()>> = PerProcess::new();
    OPENED.get().get_or_init(|| {
        // It fails where there is another subscriber, which nobody can set in a module that is linked like this.
        let _ = open_log(dispatcher::log);
    });
}

pub(crate) fn set_level(py: Python<'_>, name: &str) -> PyResult<()> {
    let level = LogLevel::ALL.iter().find(|level| level.as_str() == name);
    let unknown = || error::exception(py, Error::InvalidArgument(format!("{name} is no log level")));
    jitsimeet::set_log_level(*level.ok_or_else(unknown)?);
    Ok(())
}

/// Gives all that waits to Python.
pub(crate) fn deliver(py: Python<'_>) {
    let mut drained = Drained::More;
    while drained == Drained::More {
        let mut records = Vec::new();
        drained = drain_log(RECORDS_PER_CALL, |record| records.push(convert(record)));
        let delivered = py
            .import("jitsimeet._logging")
            .and_then(|module| module.call_method1("deliver", (std::mem::take(&mut records),)));
        if let Err(error) = delivered {
            error.write_unraisable(py, None);
        }
    }
}

fn convert(record: LogRecord) -> Record {
    let time = record.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    (time, record.level.as_str(), record.target, record.connection, record.message)
}
