use oxmcp_bridge::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::decode;

/// The exception for an error of the core: the class of its kind in `oxmcp.errors`.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    decode::parse(py, &error.to_json()).map_or_else(
        |_| misuse(py, error.message()),
        |object| match from_core(py).and_then(|make| make.call1((object,))) {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        },
    )
}

/// A `MisuseError` that the binding itself found.
pub(crate) fn misuse(py: Python<'_>, message: &str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match CLASS.import(py, "oxmcp.errors", "MisuseError").and_then(|class| class.call1((message,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

fn from_core(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FUNCTION.import(py, "oxmcp.errors", "from_core")
}
