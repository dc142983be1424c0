use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// Deeper values than this are taken for values that contain themselves. The parser of the other direction has the
/// same limit.
const MAX_DEPTH: u8 = 200;

/// A Python value as JSON: `None`, `bool`, `int`, `float`, `str`, `list`, `tuple`, `dict` and their subclasses. Any
/// other value goes through `default`, which returns one of these or raises.
pub(crate) fn to_json(value: &Bound<'_, PyAny>, default: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    write(&mut out, value, default, 0)?;
    Ok(out)
}

/// Adds `text` as a JSON string.
pub(crate) fn write_str(out: &mut Vec<u8>, text: &str) {
    // Writing to a `Vec` does not fail, and a `str` is always a JSON string.
    let _ = serde_json::to_writer(out, text);
}

/// Adds a value; see [`to_json`].
pub(crate) fn write(
    out: &mut Vec<u8>,
    value: &Bound<'_, PyAny>,
    default: Option<&Bound<'_, PyAny>>,
    depth: u8,
) -> PyResult<()> {
    if depth > MAX_DEPTH {
        return Err(PyValueError::new_err(format!(
            "the value is nested deeper than {MAX_DEPTH} levels, or contains itself"
        )));
    }
    if let Ok(text) = value.cast::<PyString>() {
        write_str(out, text.to_str()?);
    } else if value.is_none() {
        out.extend_from_slice(b"null");
    } else if let Ok(flag) = value.cast::<PyBool>() {
        out.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
    } else if value.is_instance_of::<PyInt>() {
        write_int(out, value)?;
    } else if let Ok(number) = value.cast::<PyFloat>() {
        write_float(out, number.value())?;
    } else if let Ok(dict) = value.cast::<PyDict>() {
        write_dict(out, dict, default, depth)?;
    } else if let Ok(list) = value.cast::<PyList>() {
        write_items(out, list.iter(), default, depth)?;
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        write_items(out, tuple.iter(), default, depth)?;
    } else if let Some(default) = default {
        write(out, &default.call1((value,))?, Some(default), depth + 1)?;
    } else {
        return Err(PyTypeError::new_err(format!(
            "a value of type {} has no JSON form",
            value.get_type().name()?
        )));
    }
    Ok(())
}

fn write_dict(
    out: &mut Vec<u8>,
    dict: &Bound<'_, PyDict>,
    default: Option<&Bound<'_, PyAny>>,
    depth: u8,
) -> PyResult<()> {
    out.push(b'{');
    let mut first = true;
    for (key, value) in dict.iter() {
        if !first {
            out.push(b',');
        }
        first = false;
        write_key(out, &key)?;
        out.push(b':');
        write(out, &value, default, depth + 1)?;
    }
    out.push(b'}');
    Ok(())
}

/// A key as a string: numbers, `True`, `False` and `None` take their JSON form, as in the standard library's `json`.
fn write_key(out: &mut Vec<u8>, key: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(text) = key.cast::<PyString>() {
        write_str(out, text.to_str()?);
        return Ok(());
    }
    let scalar = key.is_none() || key.is_instance_of::<PyInt>() || key.is_instance_of::<PyFloat>();
    if !scalar {
        return Err(PyTypeError::new_err(format!(
            "a dict key of type {} cannot be a JSON object's key",
            key.get_type().name()?
        )));
    }
    out.push(b'"');
    write(out, key, None, 0)?;
    out.push(b'"');
    Ok(())
}

fn write_items<'py>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    default: Option<&Bound<'py, PyAny>>,
    depth: u8,
) -> PyResult<()> {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, &item, default, depth + 1)?;
    }
    out.push(b']');
    Ok(())
}

fn write_int(out: &mut Vec<u8>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(number) = value.extract::<i64>() {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        return Ok(());
    }
    // Of any size, and of any subclass, whose `str` may be something else.
    let digits = value.py().get_type::<PyInt>().call_method1("__repr__", (value,))?;
    out.extend_from_slice(digits.cast::<PyString>()?.to_str()?.as_bytes());
    Ok(())
}

fn write_float(out: &mut Vec<u8>, number: f64) -> PyResult<()> {
    if !number.is_finite() {
        return Err(PyValueError::new_err(format!("{number} has no JSON form")));
    }
    // Cannot fail: the number is finite and the sink a `Vec`.
    let _ = serde_json::to_writer(out, &number);
    Ok(())
}

/// Writes a value as JSON bytes (UTF-8, no white space). `default` is called with a value that has no JSON form of
/// its own and returns one that has.
///
/// Raises `TypeError` for a value or key without a JSON form, `ValueError` for `NaN`, infinities, lone surrogates
/// (`UnicodeEncodeError`) and values nested deeper than 200 levels.
#[pyfunction]
#[pyo3(signature = (value, /, default = None))]
pub(crate) fn dumps<'py>(
    py: Python<'py>,
    value: &Bound<'py, PyAny>,
    default: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &to_json(value, default)?))
}
