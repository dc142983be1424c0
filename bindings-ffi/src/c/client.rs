use std::collections::BTreeMap;
use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use oxmcp_bridge::{Client, Error, Queue};
use serde::Serialize;

use super::boundary::{Output, free, guard, report, shared};
use super::cancel_token::oxmcp_cancel_token;
use super::error::oxmcp_error;
use super::json::oxmcp_json;
use super::operation::{OWN_ID, wait};
use super::options::{Options, read_options};
use super::queue::{inner, oxmcp_queue};
use super::result::oxmcp_result;
use super::server::{core_of, oxmcp_server};
use super::text::{list, optional};

/// A client of one MCP server. It may be used from any thread and by many at once. Free it with oxmcp_client_free.
#[derive(Debug)]
pub struct oxmcp_client {
    client: Client,
    info: Option<oxmcp_json>,
}

/// Which server to connect to, and how. Write what you need and leave the rest zero:
/// `oxmcp_client_options options = { .size = sizeof options, .url = "http://127.0.0.1:8000/mcp" };`
///
/// Strings are UTF-8 and read during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct oxmcp_client_options {
    /// sizeof(oxmcp_client_options)
    pub size: usize,
    /// A program to start and talk to over its stdin and stdout. Give this, or `url`, or neither for a server in this
    /// process.
    pub command: *const c_char,
    /// Its arguments, without its name; the last pointer is NULL.
    pub args: *const *const c_char,
    /// "NAME=value" strings added to this process's environment for it; the last pointer is NULL.
    pub env: *const *const c_char,
    /// The directory it starts in; NULL for this process's.
    pub cwd: *const c_char,
    /// What it writes to stderr is dropped, instead of going to this process's stderr.
    pub quiet: bool,
    /// The address of a Streamable HTTP server.
    pub url: *const c_char,
    /// "Name: value" strings sent with every HTTP request; the last pointer is NULL.
    pub headers: *const *const c_char,
    /// What this program calls itself to the server; both or neither.
    pub client_name: *const c_char,
    /// The version of this program.
    pub client_version: *const c_char,
    /// One protocol revision, "2025-11-25" for example, instead of negotiating.
    pub protocol_version: *const c_char,
    /// The longest silence before an operation times out, in milliseconds; 0 for 60000.
    pub timeout_ms: u64,
    /// The longest an operation may take in all, in milliseconds; 0 for 3600000.
    pub max_timeout_ms: u64,
    /// The longest connecting may take, in milliseconds; 0 for 30000.
    pub connect_timeout_ms: u64,
    /// The largest message taken, in bytes; 0 for 16777216.
    pub max_message_bytes: u64,
    /// Cancels connecting from another thread; NULL for nothing. For oxmcp_client_connect and
    /// oxmcp_client_connect_in_memory only.
    pub cancel: *const oxmcp_cancel_token,
}

// SAFETY: `repr(C)`, size first; pointers, a `bool` and integers are valid when zero.
unsafe impl Options for oxmcp_client_options {
    const NAME: &'static str = "oxmcp_client_options";
}

/// The bridge's configuration of a client.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_info: Option<ClientInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol_version: Option<&'a str>,
    #[serde(skip_serializing_if = "is_default")]
    timeout_ms: u64,
    #[serde(skip_serializing_if = "is_default")]
    max_timeout_ms: u64,
    #[serde(skip_serializing_if = "is_default")]
    connect_timeout_ms: u64,
    #[serde(skip_serializing_if = "is_default")]
    max_message_bytes: u64,
}

#[derive(Serialize)]
struct ClientInfo<'a> {
    name: &'a str,
    version: &'a str,
}

fn is_default(number: &u64) -> bool {
    *number == 0
}

impl oxmcp_client_options {
    /// The bridge's configuration.
    ///
    /// # Safety
    ///
    /// The pointers are what the members' comments say.
    unsafe fn config(&self) -> Result<String, oxmcp_error> {
        // SAFETY: the caller's promise, for every pointer.
        let config = unsafe {
            Config {
                command: optional(self.command, "command")?,
                args: list(self.args, "args")?,
                env: pairs(self.env, "env", "NAME=value", '=')?,
                cwd: optional(self.cwd, "cwd")?,
                stderr: self.quiet.then_some("null"),
                url: optional(self.url, "url")?,
                headers: pairs(self.headers, "headers", "Name: value", ':')?,
                client_info: self.client_info()?,
                protocol_version: optional(self.protocol_version, "protocol_version")?,
                timeout_ms: self.timeout_ms,
                max_timeout_ms: self.max_timeout_ms,
                connect_timeout_ms: self.connect_timeout_ms,
                max_message_bytes: self.max_message_bytes,
            }
        };
        serde_json::to_string(&config).map_err(|error| oxmcp_error::internal(error.to_string()))
    }

    /// # Safety
    ///
    /// As for [`config`](Self::config).
    unsafe fn client_info<'a>(&self) -> Result<Option<ClientInfo<'a>>, oxmcp_error> {
        // SAFETY: the caller's promise.
        let (name, version) = unsafe {
            (optional(self.client_name, "client_name")?, optional(self.client_version, "client_version")?)
        };
        match (name, version) {
            (None, None) => Ok(None),
            (Some(name), Some(version)) => Ok(Some(ClientInfo { name, version })),
            _ => Err(oxmcp_error::misuse("client_name and client_version go together: give both or neither")),
        }
    }
}

/// Splits each string of a list at the first `separator`, dropping spaces around the value.
///
/// # Safety
///
/// As for [`list`].
unsafe fn pairs<'a>(
    pointer: *const *const c_char,
    what: &str,
    form: &str,
    separator: char,
) -> Result<Option<BTreeMap<&'a str, &'a str>>, oxmcp_error> {
    // SAFETY: the caller's promise.
    let Some(texts) = (unsafe { list(pointer, what) })? else {
        return Ok(None);
    };
    let split = |text: &'a str| match text.split_once(separator) {
        Some((name, value)) if separator == ':' => Ok((name.trim(), value.trim())),
        Some(pair) => Ok(pair),
        None => Err(oxmcp_error::misuse(format!("{what} wants strings like \"{form}\", not \"{text}\""))),
    };
    texts.into_iter().map(split).collect::<Result<_, _>>().map(Some)
}

/// Connects to a server, waits until the protocol revision is negotiated, and gives the client. A child process or a
/// connection that did not come to be leaves nothing behind.
///
/// Fails with OXMCP_CONNECT, OXMCP_TIMEOUT, OXMCP_UNSUPPORTED_VERSION and what else can go wrong on the way;
/// OXMCP_MISUSE for options that make no sense.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_connect(
    options: *const oxmcp_client_options,
    client: *mut *mut oxmcp_client,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe { report(error, || connect(options, client, Client::open)) }
}

/// Connects to a server of this process, without pipes or sockets. Some thread has to be in oxmcp_server_run or
/// oxmcp_server_poll when a tool is called; it may not be the thread that calls and waits.
///
/// `options` may be NULL; it has neither `command` nor `url`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_connect_in_memory(
    server: *const oxmcp_server,
    options: *const oxmcp_client_options,
    client: *mut *mut oxmcp_client,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let server = core_of(server)?.server();
            connect(options, client, |config, id, queue| Client::open_in_memory(server, config, id, queue))
        })
    }
}

/// # Safety
///
/// The pointers are what the header asks for.
unsafe fn connect(
    options: *const oxmcp_client_options,
    client: *mut *mut oxmcp_client,
    open: impl FnOnce(&str, u64, &Arc<Queue>) -> Result<Client, Error>,
) -> Result<(), oxmcp_error> {
    // SAFETY: the caller's promise.
    let (output, config, token) = unsafe {
        let output = Output::required(client, "client")?;
        let options = read_options(options)?;
        let config = options.map_or(Ok("{}".to_owned()), |options| options.config())?;
        (output, config, options.and_then(|options| options.cancel.as_ref()))
    };
    token.map_or(Ok(()), oxmcp_cancel_token::check)?;
    let queue = Queue::new(None);
    let opened = open(&config, OWN_ID, &queue)?;
    let watch = token.map(|token| token.watch(&opened, OWN_ID, &queue));
    let outcome = wait(&queue, |_| {});
    drop(watch);
    let info = Some(oxmcp_json::new(&outcome?));
    output.give(oxmcp_client { client: opened, info });
    Ok(())
}

/// Starts connecting and gives the client at once. The operation `id` completes in `queue` with what
/// oxmcp_client_info says, or fails. Other operations may be started right away; they wait for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_start_connect(
    options: *const oxmcp_client_options,
    queue: *const oxmcp_queue,
    id: u64,
    client: *mut *mut oxmcp_client,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let output = Output::required(client, "client")?;
            let options = read_options(options)?.ok_or_else(|| oxmcp_error::misuse("options is NULL"))?;
            let opened = Client::open(&options.config()?, id, inner(queue)?)?;
            output.give(oxmcp_client { client: opened, info: None });
            Ok(())
        })
    }
}

/// What is known of the server: {"protocolVersion": string, "serverInfo": {...}, "capabilities": {...},
/// "instructions"?: string}. It lives as long as the client. NULL for a client from oxmcp_client_start_connect, whose
/// OXMCP_EVENT_COMPLETED carries the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_info(client: *const oxmcp_client) -> *const oxmcp_json {
    // SAFETY: by contract NULL or live.
    let info = unsafe { client.as_ref() }.and_then(|client| client.info.as_ref());
    info.map_or(ptr::null(), ptr::from_ref)
}

/// Ends the connection and waits until everything is released: operations under way fail with OXMCP_CLOSED, a child
/// process is asked to exit, then made to. Later operations fail with OXMCP_MISUSE or OXMCP_CLOSED. Closing again is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_close(
    client: *const oxmcp_client,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let queue = Queue::new(None);
            inner_client(client)?.close(OWN_ID, &queue);
            wait(&queue, |_| {}).map(drop)
        })
    }
}

/// Like oxmcp_client_close, without waiting: the operation `id` completes in `queue` when everything is released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_start_close(
    client: *const oxmcp_client,
    queue: *const oxmcp_queue,
    id: u64,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            inner_client(client)?.close(id, inner(queue)?);
            Ok(())
        })
    }
}

/// The operation `id` completes in `queue` when the connection is over, whichever side ended it, and also when it never
/// came to be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_watch_closed(
    client: *const oxmcp_client,
    queue: *const oxmcp_queue,
    id: u64,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            inner_client(client)?.closed(id, inner(queue)?);
            Ok(())
        })
    }
}

/// Frees a client, and ends its connection without waiting when it is not closed yet. No other thread may be using
/// it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_free(client: *mut oxmcp_client) {
    guard((), || {
        // SAFETY: by contract NULL or owned by the caller and no longer used.
        unsafe {
            if let Some(client) = client.as_ref() {
                // Operations hold the client too, so dropping it would not end them.
                client.client.close(OWN_ID, &Queue::new(None));
            }
            free(client);
        }
    });
}

/// The bridge's client of a handle that may not be NULL.
///
/// # Safety
///
/// `client` is NULL or live.
pub(super) unsafe fn inner_client<'a>(client: *const oxmcp_client) -> Result<&'a Client, oxmcp_error> {
    // SAFETY: the caller's promise.
    Ok(unsafe { &shared(client, "client")?.client })
}
