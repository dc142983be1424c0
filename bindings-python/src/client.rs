use std::mem::ManuallyDrop;
use std::time::Duration;

use oxmcp_bridge::{CallOptions, Client, Operation};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::channel::Channel;
use crate::encode;
use crate::error::{misuse, raise};
use crate::process::Home;
use crate::server::ServerHandle;

/// A connection to an MCP server. Every operation settles in the channel it was given, under the id it was given.
#[pyclass(frozen, module = "oxmcp._core")]
pub(crate) struct ClientHandle {
    client: ManuallyDrop<Client>,
    home: Home,
}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        if self.home.is_here() {
            // SAFETY: the field is not used again: this is the only drop of its owner.
            unsafe { ManuallyDrop::drop(&mut self.client) }
        }
    }
}

#[pymethods]
impl ClientHandle {
    /// Starts connecting as `config` (the bridge's client configuration) says. With `server`, connects to that
    /// server of this process.
    #[staticmethod]
    #[pyo3(signature = (config, server, id, channel))]
    fn open(
        py: Python<'_>,
        config: &Bound<'_, PyDict>,
        server: Option<&ServerHandle>,
        id: u64,
        channel: &Channel,
    ) -> PyResult<Self> {
        let config = json_text(py, config)?;
        let client = match server {
            None => Client::open(&config, id, &channel.queue),
            Some(server) => Client::open_in_memory(server.server(py)?, &config, id, &channel.queue),
        };
        let client = client.map_err(|error| raise(py, &error))?;
        Ok(Self { client: ManuallyDrop::new(client), home: Home::here() })
    }

    /// `tools/list`, every page.
    fn list_tools(
        &self,
        py: Python<'_>,
        timeout: Option<&Bound<'_, PyAny>>,
        id: u64,
        channel: &Channel,
    ) -> PyResult<()> {
        self.submit(py, Operation::ListTools, b"{}", options(py, timeout, None, false)?, id, channel)
    }

    /// `tools/list`, one page.
    fn list_tools_page(
        &self,
        py: Python<'_>,
        cursor: Option<&str>,
        timeout: Option<&Bound<'_, PyAny>>,
        id: u64,
        channel: &Channel,
    ) -> PyResult<()> {
        let mut params = Vec::from(b"{");
        if let Some(cursor) = cursor {
            params.extend_from_slice(b"\"cursor\":");
            encode::write_str(&mut params, cursor);
        }
        params.push(b'}');
        self.submit(py, Operation::ListToolsPage, &params, options(py, timeout, None, false)?, id, channel)
    }

    /// `tools/call`. `default` writes the values of `arguments` that have no JSON form of their own.
    #[expect(clippy::too_many_arguments, reason = "one crossing per call")]
    fn call_tool(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        arguments: Option<&Bound<'_, PyAny>>,
        default: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
        max_timeout: Option<&Bound<'_, PyAny>>,
        progress: bool,
        id: u64,
        channel: &Channel,
    ) -> PyResult<()> {
        let options = options(py, timeout, max_timeout, progress)?;
        let Ok(name) = name.cast::<PyString>() else {
            return Err(unfit(py, "name", "the name of a tool as a str", name));
        };
        let name = name.to_str()?;
        let mut params = Vec::with_capacity(128);
        params.extend_from_slice(b"{\"name\":");
        encode::write_str(&mut params, name);
        if let Some(arguments) = arguments {
            if arguments.cast::<PyDict>().is_err() && arguments.cast::<PyMapping>().is_err() {
                return Err(unfit(py, "arguments", "a dict or another mapping", arguments));
            }
            params.extend_from_slice(b",\"arguments\":");
            encode::write(&mut params, arguments, default, 0)
                .map_err(|error| unwritable(py, &format!("the arguments of {name:?}"), error))?;
        }
        params.push(b'}');
        self.submit(py, Operation::CallTool, &params, options, id, channel)
    }

    /// Asks whether the server answers.
    fn ping(
        &self,
        py: Python<'_>,
        timeout: Option<&Bound<'_, PyAny>>,
        id: u64,
        channel: &Channel,
    ) -> PyResult<()> {
        self.submit(py, Operation::Ping, b"{}", options(py, timeout, None, false)?, id, channel)
    }

    /// Abandons an operation; false when it has settled already.
    fn cancel(&self, id: u64, channel: &Channel) -> bool {
        self.home.is_here() && self.client.cancel(id, &channel.queue)
    }

    /// Ends the connection; the operation `id` completes when everything is released.
    fn close(&self, py: Python<'_>, id: u64, channel: &Channel) -> PyResult<()> {
        self.home.check(py, "client")?;
        self.client.close(id, &channel.queue);
        Ok(())
    }
}

impl ClientHandle {
    fn submit(
        &self,
        py: Python<'_>,
        operation: Operation,
        params: &[u8],
        options: CallOptions,
        id: u64,
        channel: &Channel,
    ) -> PyResult<()> {
        self.home.check(py, "client")?;
        self.client.submit(operation, params, options, id, &channel.queue);
        Ok(())
    }
}

fn options(
    py: Python<'_>,
    timeout: Option<&Bound<'_, PyAny>>,
    max_timeout: Option<&Bound<'_, PyAny>>,
    progress: bool,
) -> PyResult<CallOptions> {
    Ok(CallOptions {
        timeout: seconds(py, "timeout", timeout)?,
        max_timeout: seconds(py, "max_timeout", max_timeout)?,
        progress,
    })
}

fn seconds(py: Python<'_>, name: &str, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
    let Some(given) = given else { return Ok(None) };
    match given.extract::<f64>() {
        Ok(seconds) if seconds >= 0.0 => {
            Ok(Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
        }
        _ => Err(unfit(py, name, "a number of seconds, zero or more", given)),
    }
}

/// An argument is not what it has to be.
fn unfit(py: Python<'_>, name: &str, what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    match given.repr() {
        Ok(given) => misuse(py, &format!("{name} is {what}, not {given}")),
        Err(error) => error,
    }
}

/// A configuration object as JSON text.
pub(crate) fn json_text(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let json = encode::to_json(value, None).map_err(|error| unwritable(py, "the configuration", error))?;
    String::from_utf8(json).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// What the caller gave has no JSON form: their error, whatever Python made of it.
fn unwritable(py: Python<'_>, what: &str, error: PyErr) -> PyErr {
    let misuse = misuse(py, &format!("{what} cannot be written as JSON: {}", error.value(py)));
    misuse.set_cause(py, Some(error));
    misuse
}
