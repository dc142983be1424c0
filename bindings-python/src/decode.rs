use jiter::{FloatMode, JsonError, PartialMode, PythonParse, StringCacheMode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// JSON as Python objects, straight from the bytes. Object keys are shared between calls; `NaN` and infinities are
/// refused; integers are of any size.
pub(crate) fn parse<'py>(py: Python<'py>, json: &[u8]) -> Result<Bound<'py, PyAny>, JsonError> {
    PythonParse {
        allow_inf_nan: false,
        cache_mode: StringCacheMode::Keys,
        partial_mode: PartialMode::Off,
        catch_duplicate_keys: false,
        float_mode: FloatMode::Float,
    }
    .python_parse(py, json)
}

/// Parses JSON text. Raises `ValueError` when it is not JSON.
#[pyfunction]
#[pyo3(signature = (json, /))]
pub(crate) fn loads<'py>(py: Python<'py>, json: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    parse(py, json).map_err(|error| PyValueError::new_err(error.description(json)))
}
