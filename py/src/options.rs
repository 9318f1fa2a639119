//! Python values as the options of the engine.

use jitsimeet::{Error, Options};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

use crate::error::exception;

/// No option is nested like this; a dict that contains itself is.
const MAX_DEPTH: usize = 64;

/// Turns a dict into the object that the engine checks. What JSON has no word for is a `TypeError` naming the key.
pub(crate) fn from_dict(dict: &Bound<'_, PyDict>) -> PyResult<Map<String, Value>> {
    object(dict, "", MAX_DEPTH)
}

/// Merges keywords in snake_case. One that is not known is a `TypeError`, as for any function.
pub(crate) fn merge_keywords(options: &mut Options, keywords: &Bound<'_, PyDict>) -> PyResult<()> {
    options.merge_keywords(from_dict(keywords)?).map_err(|error| match error {
        Error::InvalidArgument(problem) => PyTypeError::new_err(problem),
        error => exception(keywords.py(), error),
    })
}

fn object(dict: &Bound<'_, PyDict>, path: &str, depth: usize) -> PyResult<Map<String, Value>> {
    let mut object = Map::new();
    for (key, item) in dict {
        let Ok(key) = key.cast::<PyString>() else {
            let place = if path.is_empty() { "options".to_owned() } else { format!("option `{path}`") };
            return Err(PyTypeError::new_err(format!("{place}: keys must be str, got {}", type_name(&key)?)));
        };
        let key = key.to_cow()?.into_owned();
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        object.insert(key, value(&item, &path, depth)?);
    }
    Ok(object)
}

fn value(item: &Bound<'_, PyAny>, path: &str, depth: usize) -> PyResult<Value> {
    let Some(depth) = depth.checked_sub(1) else { return Err(invalid(item, path, "nested too deeply")) };
    // A bool is an int in Python.
    if item.is_none() {
        Ok(Value::Null)
    } else if let Ok(flag) = item.cast::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if let Ok(text) = item.cast::<PyString>() {
        Ok(Value::String(text.to_cow()?.into_owned()))
    } else if let Ok(number) = item.cast::<PyInt>() {
        let number = number.extract::<i64>().map_err(|_| invalid(item, path, "the number is too large"))?;
        Ok(Value::Number(number.into()))
    } else if let Ok(number) = item.cast::<PyFloat>() {
        let number = Number::from_f64(number.value());
        Ok(Value::Number(number.ok_or_else(|| invalid(item, path, "the number is not finite"))?))
    } else if let Ok(dict) = item.cast::<PyDict>() {
        Ok(Value::Object(object(dict, path, depth)?))
    } else if let Ok(list) = item.cast::<PyList>() {
        list.iter().map(|item| value(&item, path, depth)).collect::<PyResult<_>>().map(Value::Array)
    } else if let Ok(tuple) = item.cast::<PyTuple>() {
        tuple.iter().map(|item| value(&item, path, depth)).collect::<PyResult<_>>().map(Value::Array)
    } else {
        Err(PyTypeError::new_err(format!(
            "option `{path}`: expected dict, list, tuple, str, int, float, bool or None, got {}",
            type_name(item)?
        )))
    }
}

fn invalid(item: &Bound<'_, PyAny>, path: &str, problem: &str) -> PyErr {
    exception(item.py(), Error::InvalidOption { key: path.to_owned(), problem: problem.to_owned() })
}

fn type_name(item: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(item.get_type().name()?.to_string())
}
