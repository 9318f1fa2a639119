//! Passwords and tokens on their way in.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Text that no exception quotes. The `UnicodeEncodeError` of an ordinary `str` argument would, in full.
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn into_inner(self) -> String {
        self.0
    }
}

impl<'py> FromPyObject<'_, 'py> for Secret {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let text = object.cast::<PyString>()?;
        match text.to_cow() {
            Ok(text) => Ok(Self(text.into_owned())),
            Err(_) => Err(PyValueError::new_err("the password or token holds a lone surrogate")),
        }
    }
}
