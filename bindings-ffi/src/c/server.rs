use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use oxmcp_bridge::Queue;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::boundary::{Output, free, guard, made_before_fork, report, shared};
use super::error::oxmcp_error;
use super::json::oxmcp_json;
use super::operation::{OWN_ID, wait};
use super::options::{Options, read_options};
use super::result::oxmcp_result;
use super::server_core::{Polled, ServerCore};
use super::text::{list, optional, required};
use super::tool::{Tool, oxmcp_free_fn, oxmcp_tool_fn};
use super::wake::{Wake, oxmcp_wake_fn};

/// An MCP server. It may be used from any thread. Free it with oxmcp_server_free.
///
/// Handlers run on the threads that the program lends, with oxmcp_server_run or oxmcp_server_poll, and on no other:
/// with one thread no two handlers run at once, and a program that is not thread-safe need not be; with more threads,
/// that many run at once. Everything else (listing, checking arguments, timeouts, cancellation, pings) goes on
/// meanwhile on the library's own threads.
#[derive(Debug)]
pub struct oxmcp_server {
    core: Arc<ServerCore>,
}

/// What a server says of itself. Write what you need and leave the rest zero:
/// `oxmcp_server_options options = { .size = sizeof options, .name = "adder", .version = "1.0.0" };`
///
/// Strings are UTF-8 and read during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct oxmcp_server_options {
    /// sizeof(oxmcp_server_options)
    pub size: usize,
    /// The server's name, for programs. Needed.
    pub name: *const c_char,
    /// The server's version. Needed.
    pub version: *const c_char,
    /// The server's name, for people.
    pub title: *const c_char,
    /// What the server is for.
    pub description: *const c_char,
    /// Where people read more.
    pub website_url: *const c_char,
    /// A JSON array of the spec's Icon objects.
    pub icons_json: *const c_char,
    /// How a model should use the server.
    pub instructions: *const c_char,
    /// Tools per page of a list; 0 for 100.
    pub page_size: u32,
    /// The largest message taken, in bytes; 0 for 16777216.
    pub max_message_bytes: u64,
    /// Called when there is something to poll; NULL when oxmcp_server_run, oxmcp_server_fd or a timeout is enough.
    pub wake: oxmcp_wake_fn,
    /// Given to `wake`.
    pub userdata: *mut c_void,
}

// SAFETY: `repr(C)`, size first; pointers, integers and an optional function pointer are valid when zero.
unsafe impl Options for oxmcp_server_options {
    const NAME: &'static str = "oxmcp_server_options";
}

/// Where a server listens. NULL instead of one means: all zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct oxmcp_http_options {
    /// sizeof(oxmcp_http_options)
    pub size: usize,
    /// The address to listen at; NULL for "127.0.0.1". Any but a loopback address needs `allowed_hosts`.
    pub host: *const c_char,
    /// The port; 0 for any that is free.
    pub port: u16,
    /// The path; NULL for "/mcp".
    pub path: *const c_char,
    /// Values of the Host header that are accepted beside the loopback names; the last pointer is NULL.
    pub allowed_hosts: *const *const c_char,
    /// Values of the Origin header that are accepted beside the loopback names; the last pointer is NULL.
    pub allowed_origins: *const *const c_char,
}

// SAFETY: `repr(C)`, size first; pointers and integers are valid when zero.
unsafe impl Options for oxmcp_http_options {
    const NAME: &'static str = "oxmcp_http_options";
}

/// The bridge's configuration of a server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icons: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_message_bytes: Option<u64>,
}

/// The bridge's configuration of a listener.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_hosts: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<Vec<&'a str>>,
}

impl oxmcp_server_options {
    /// The bridge's configuration.
    ///
    /// # Safety
    ///
    /// The pointers are what the members' comments say.
    unsafe fn config(&self) -> Result<String, oxmcp_error> {
        // SAFETY: the caller's promise, for every pointer.
        let config = unsafe {
            Config {
                name: required(self.name, "name")?,
                version: required(self.version, "version")?,
                title: optional(self.title, "title")?,
                description: optional(self.description, "description")?,
                website_url: optional(self.website_url, "website_url")?,
                icons: optional(self.icons_json, "icons_json")?
                    .map(serde_json::from_str)
                    .transpose()
                    .map_err(|error| oxmcp_error::misuse(format!("icons_json is not JSON: {error}")))?,
                instructions: optional(self.instructions, "instructions")?,
                page_size: Some(self.page_size).filter(|size| *size > 0),
                max_message_bytes: Some(self.max_message_bytes).filter(|bytes| *bytes > 0),
            }
        };
        serde_json::to_string(&config).map_err(|error| oxmcp_error::internal(error.to_string()))
    }
}

impl oxmcp_http_options {
    /// The bridge's configuration.
    ///
    /// # Safety
    ///
    /// The pointers are what the members' comments say.
    unsafe fn config(&self) -> Result<String, oxmcp_error> {
        // SAFETY: the caller's promise, for every pointer.
        let config = unsafe {
            HttpConfig {
                host: optional(self.host, "host")?,
                port: self.port,
                path: optional(self.path, "path")?,
                allowed_hosts: list(self.allowed_hosts, "allowed_hosts")?,
                allowed_origins: list(self.allowed_origins, "allowed_origins")?,
            }
        };
        serde_json::to_string(&config).map_err(|error| oxmcp_error::internal(error.to_string()))
    }
}

/// Makes a server. It serves nothing yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_new(
    options: *const oxmcp_server_options,
    server: *mut *mut oxmcp_server,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let output = Output::required(server, "server")?;
            let options = read_options(options)?.ok_or_else(|| oxmcp_error::misuse("options is NULL"))?;
            let core = ServerCore::new(&options.config()?, Wake::new(options.wake, options.userdata))?;
            output.give(oxmcp_server { core });
            Ok(())
        })
    }
}

/// Adds a tool, or replaces the one of that name; also while the server serves.
///
/// `definition_json` is the spec's Tool object: "name", "inputSchema" (a JSON Schema of type object; when left out, any
/// object is taken), and optionally "title", "description", "outputSchema", "annotations", "icons" and "_meta".
/// `handler` is called with `userdata` for each call; see oxmcp_tool_fn. `free_userdata` may be NULL; otherwise it is
/// called once with `userdata` when the tool is replaced or removed or the server freed, and no handler of the tool
/// runs any more. On failure it is not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_add_tool(
    server: *const oxmcp_server,
    definition_json: *const c_char,
    handler: oxmcp_tool_fn,
    userdata: *mut c_void,
    free_userdata: oxmcp_free_fn,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let core = core_of(server)?;
            let definition = required(definition_json, "definition_json")?;
            let handler = handler.ok_or_else(|| oxmcp_error::misuse("handler is NULL"))?;
            let Named { name } = serde_json::from_str(definition).map_err(|error| {
                oxmcp_error::misuse(format!("definition_json is not a Tool object: {error}"))
            })?;
            let tool = Tool::new(handler, userdata, free_userdata);
            let added = core.tools().add(name, tool, |number| core.server().add_tool(definition, number));
            added.map_err(|(error, tool)| {
                tool.give_back();
                oxmcp_error::from(error)
            })
        })
    }
}

/// Removes a tool. False when there is none of that name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_remove_tool(server: *const oxmcp_server, name: *const c_char) -> bool {
    guard(false, || {
        // SAFETY: by contract NULL or live, and NULL or a C string.
        let (core, name) = unsafe { (core_of(server), required(name, "name")) };
        let (Ok(core), Ok(name)) = (core, name) else {
            return false;
        };
        let removed = core.server().remove_tool(name);
        core.tools().remove(name);
        removed
    })
}

/// Starts serving this process's stdin and stdout and returns at once; call oxmcp_server_run or oxmcp_server_poll
/// next. While it serves, what the program itself prints to stdout goes to stderr.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_serve_stdio(
    server: *const oxmcp_server,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe { report(error, || core_of(server)?.serve_stdio()) }
}

/// Starts serving Streamable HTTP and returns when it listens; call oxmcp_server_run or oxmcp_server_poll next.
///
/// Writes {"url": string, "host": string, "port": number} to `address`, to be freed with oxmcp_json_free; NULL when
/// it is not wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_listen_http(
    server: *const oxmcp_server,
    options: *const oxmcp_http_options,
    address: *mut *mut oxmcp_json,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let core = core_of(server)?;
            let output = Output::optional(address);
            let config = read_options(options)?.map_or(Ok("{}".to_owned()), |options| options.config())?;
            let queue = Queue::new(None);
            core.server().listen_http(&config, OWN_ID, &queue);
            let address = wait(&queue, |_| {})?;
            core.note_listening();
            output.give(oxmcp_json::new(&address));
            Ok(())
        })
    }
}

/// Handles calls on this thread until nothing is left to serve: the server was closed, or the peer has closed stdin
/// and it does not listen. Any number of threads may be in here at once.
///
/// Fails when serving stdin and stdout failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_run(
    server: *const oxmcp_server,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe { report(error, || core_of(server)?.run()) }
}

/// Handles, on this thread, the calls that are waiting; when there is none it waits up to `timeout_ms` milliseconds
/// for one; 0 does not wait, a negative number waits as long as it takes.
///
/// OXMCP_OK says: poll again. OXMCP_CLOSED: nothing is left to serve (see oxmcp_server_run), `error` is not written.
/// Anything else says how serving stdin and stdout failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_poll(
    server: *const oxmcp_server,
    timeout_ms: i64,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    let mut polled = Polled::Open;
    // SAFETY: what the header asks of the caller.
    let result = unsafe {
        report(error, || {
            polled = core_of(server)?.poll(u64::try_from(timeout_ms).ok().map(Duration::from_millis))?;
            Ok(())
        })
    };
    match (result, polled) {
        (oxmcp_result::OXMCP_OK, Polled::Over) => oxmcp_result::OXMCP_CLOSED,
        (result, _) => result,
    }
}

/// A file descriptor that turns readable when there is something for oxmcp_server_poll. Everything said of
/// oxmcp_queue_fd holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_fd(server: *const oxmcp_server) -> c_int {
    // SAFETY: by contract NULL or live.
    guard(-1, || unsafe { core_of(server) }.map_or(-1, |core| core.wake().descriptor()))
}

/// Stops listening and serving, cancels the calls in flight, and waits until everything is released; threads in
/// oxmcp_server_run return. It may be called from any thread, also from a handler. Closing again is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_close(
    server: *const oxmcp_server,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let core = core_of(server)?;
            let queue = Queue::new(None);
            core.server().close(OWN_ID, &queue);
            let outcome = wait(&queue, |_| {});
            core.end();
            outcome.map(drop)
        })
    }
}

/// Frees a server, and closes it without waiting when it is not closed yet. No other thread may be using it, nor be
/// in oxmcp_server_run; calls that were kept may outlive it. When this returns, the wake-up is not running and never
/// will again. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_server_free(server: *mut oxmcp_server) {
    guard((), || {
        // SAFETY: by contract NULL or live.
        if let Some(oxmcp_server { core }) = unsafe { server.as_ref() } {
            if !core.is_of_this_process() {
                // Its locks may be held by threads that are not here, and its handlers' userdata are the parent's.
                return;
            }
            core.wake().disarm();
            core.server().close(OWN_ID, &Queue::new(None));
            core.end();
            core.tools().clear();
        }
        // SAFETY: by contract owned by the caller and no longer used.
        unsafe { free(server) }
    });
}

/// The core of a handle that may not be NULL nor come from before a fork.
///
/// # Safety
///
/// `server` is NULL or live.
pub(super) unsafe fn core_of<'a>(server: *const oxmcp_server) -> Result<&'a Arc<ServerCore>, oxmcp_error> {
    // SAFETY: the caller's promise.
    let core = unsafe { &shared(server, "server")?.core };
    if core.is_of_this_process() { Ok(core) } else { Err(made_before_fork("the server")) }
}
