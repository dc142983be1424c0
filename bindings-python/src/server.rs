use std::mem::ManuallyDrop;

use bytes::Bytes;
use oxmcp_bridge::{CallOutcome, Server, ToolOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::channel::Channel;
use crate::client::json_text;
use crate::decode;
use crate::encode;
use crate::error::raise;
use crate::process::Home;

/// A server whose tools are Python functions. Their calls come out of the channel it was made with.
#[pyclass(frozen, module = "oxmcp._core")]
pub(crate) struct ServerHandle {
    server: ManuallyDrop<Server>,
    home: Home,
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        if self.home.is_here() {
            // SAFETY: the field is not used again: this is the only drop of its owner.
            unsafe { ManuallyDrop::drop(&mut self.server) }
        }
    }
}

#[pymethods]
impl ServerHandle {
    /// Makes a server from the bridge's server configuration.
    #[new]
    fn new(py: Python<'_>, config: &Bound<'_, PyDict>, calls: &Channel) -> PyResult<Self> {
        let server = Server::new(&json_text(py, config)?, &calls.queue).map_err(|error| raise(py, &error))?;
        Ok(Self { server: ManuallyDrop::new(server), home: Home::here() })
    }

    /// Adds or replaces a tool; its calls carry `target`, and need `scopes`.
    #[pyo3(signature = (definition, target, scopes = None))]
    fn add_tool(
        &self,
        py: Python<'_>,
        definition: &Bound<'_, PyDict>,
        target: u64,
        scopes: Option<Vec<String>>,
    ) -> PyResult<()> {
        let definition = json_text(py, definition)?;
        let options = ToolOptions { scopes: scopes.unwrap_or_default() };
        self.server(py)?.add_tool_with(&definition, options, target).map_err(|error| raise(py, &error))
    }

    /// Removes a tool; false when there is none of that name.
    fn remove_tool(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        Ok(self.server(py)?.remove_tool(name))
    }

    /// Serves this process's stdin and stdout; the operation `id` completes when the peer has closed.
    fn serve_stdio(&self, py: Python<'_>, id: u64, channel: &Channel) -> PyResult<()> {
        self.server(py)?.serve_stdio(id, &channel.queue);
        Ok(())
    }

    /// Serves Streamable HTTP; the operation `id` completes once it listens.
    fn listen_http(
        &self,
        py: Python<'_>,
        config: &Bound<'_, PyDict>,
        id: u64,
        channel: &Channel,
    ) -> PyResult<()> {
        let config = json_text(py, config)?;
        self.server(py)?.listen_http(&config, id, &channel.queue);
        Ok(())
    }

    /// Answers with one text block. False when nobody waits any more.
    fn respond_text(&self, call: u64, text: &Bound<'_, PyString>) -> PyResult<bool> {
        let text = text.to_str()?.to_owned();
        Ok(self.respond(call, CallOutcome::Text(text)))
    }

    /// Answers with one text block and `isError`.
    fn respond_error(&self, call: u64, text: &Bound<'_, PyString>) -> bool {
        let text = text.to_string_lossy().into_owned();
        self.respond(call, CallOutcome::ToolError(text))
    }

    /// Answers with a value: its JSON in a text block (a `str` as it is), and as `structuredContent`; with `wrap` as
    /// `{"result": value}` there.
    fn respond_value(
        &self,
        call: u64,
        value: &Bound<'_, PyAny>,
        wrap: bool,
        default: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let json = encode::to_json(value, default)?;
        let mut result = Vec::with_capacity(2 * json.len() + 96);
        result.extend_from_slice(b"{\"content\":[{\"type\":\"text\",\"text\":");
        match value.cast::<PyString>() {
            Ok(_) => result.extend_from_slice(&json),
            Err(_) => encode::write_str(&mut result, &String::from_utf8_lossy(&json)),
        }
        result.extend_from_slice(b"}],\"structuredContent\":");
        result.extend_from_slice(if wrap { b"{\"result\":" } else { b"" });
        result.extend_from_slice(&json);
        result.extend_from_slice(if wrap { b"}}" } else { b"}" });
        Ok(self.respond(call, CallOutcome::Result(Bytes::from(result))))
    }

    /// Answers with a whole `CallToolResult` object.
    fn respond_result(
        &self,
        call: u64,
        result: &Bound<'_, PyDict>,
        default: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let json = encode::to_json(result, default)?;
        Ok(self.respond(call, CallOutcome::Result(Bytes::from(json))))
    }

    /// Reports progress of a call. False when the peer did not ask for it or no longer waits.
    #[pyo3(signature = (call, progress, total = None, message = None))]
    fn progress(&self, call: u64, progress: f64, total: Option<f64>, message: Option<&str>) -> bool {
        self.home.is_here() && self.server.progress(call, progress, total, message)
    }

    /// What is known of a call in flight; `None` when it has settled.
    fn call_context<'py>(&self, py: Python<'py>, call: u64) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.server(py)?.call_context(call) {
            None => Ok(None),
            Some(json) => decode::loads(py, &json).map(Some),
        }
    }

    /// Stops serving; the operation `id` completes when everything is released.
    fn close(&self, py: Python<'_>, id: u64, channel: &Channel) -> PyResult<()> {
        self.server(py)?.close(id, &channel.queue);
        Ok(())
    }
}

impl ServerHandle {
    pub(crate) fn server(&self, py: Python<'_>) -> PyResult<&Server> {
        self.home.check(py, "server")?;
        Ok(&self.server)
    }

    fn respond(&self, call: u64, outcome: CallOutcome) -> bool {
        self.home.is_here() && self.server.respond(call, outcome)
    }
}
