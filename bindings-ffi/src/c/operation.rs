use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use bytes::Bytes;
use oxmcp_bridge::{CallOptions, Client, EventKind, Operation, Queue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::boundary::{Output, guard, report};
use super::cancel_token::oxmcp_cancel_token;
use super::client::{inner_client, oxmcp_client};
use super::error::oxmcp_error;
use super::json::oxmcp_json;
use super::options::{Options, milliseconds, read_options};
use super::queue::{inner, oxmcp_queue};
use super::result::oxmcp_result;
use super::text::{optional, required};

/// The only id in a queue that one blocking call made for itself.
pub(super) const OWN_ID: u64 = 1;

/// Told of an operation's progress, on the thread that called the blocking function and waits in it. `total` is NAN
/// and `message` NULL where the server gave none; `message` lives until this returns. It must return normally: no
/// longjmp, no C++ exception.
pub type oxmcp_progress_fn =
    Option<unsafe extern "C" fn(userdata: *mut c_void, progress: f64, total: f64, message: *const c_char)>;

/// How one operation is run. NULL instead of one means: all zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct oxmcp_call_options {
    /// sizeof(oxmcp_call_options)
    pub size: usize,
    /// The longest silence, in milliseconds: the operation fails with OXMCP_TIMEOUT when neither the answer nor
    /// progress has come for this long. 0 for the client's.
    pub timeout_ms: u64,
    /// The longest it may take in all, in milliseconds, progress or not. 0 for the client's.
    pub max_timeout_ms: u64,
    /// Told of progress, in blocking calls; NULL when it is not wanted.
    pub progress: oxmcp_progress_fn,
    /// Given to `progress`.
    pub userdata: *mut c_void,
    /// Whether OXMCP_EVENT_PROGRESS events are wanted, in the oxmcp_client_start_... functions.
    pub progress_events: bool,
    /// Cancels a blocking call from another thread; NULL for nothing. A started operation is cancelled with
    /// oxmcp_client_cancel.
    pub cancel: *const oxmcp_cancel_token,
}

// SAFETY: `repr(C)`, size first; integers, pointers, a `bool` and an optional function pointer are valid when zero.
unsafe impl Options for oxmcp_call_options {
    const NAME: &'static str = "oxmcp_call_options";
}

/// Lists every tool of the server: {"tools": [...]} in the server's order. Free `tools` with oxmcp_json_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_list_tools(
    client: *const oxmcp_client,
    options: *const oxmcp_call_options,
    tools: *mut *mut oxmcp_json,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || run(client, Operation::ListTools, "{}", options, Output::required(tools, "tools")?))
    }
}

/// Lists one page of tools, the one at `cursor`, or the first for NULL: {"tools": [...], "nextCursor"?: string}. Free
/// `page` with oxmcp_json_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_list_tools_page(
    client: *const oxmcp_client,
    cursor: *const c_char,
    options: *const oxmcp_call_options,
    page: *mut *mut oxmcp_json,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let params = page_params(cursor)?;
            run(client, Operation::ListToolsPage, &params, options, Output::required(page, "page")?)
        })
    }
}

/// Calls a tool and waits for its result: {"content": [...], "structuredContent"?: ..., "isError"?: bool}. See
/// oxmcp_tool_result_text and oxmcp_tool_result_is_error: a tool that failed is a result, not an error. Free `result`
/// with oxmcp_json_free.
///
/// `arguments_json` is a JSON object as text; NULL for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_call_tool(
    client: *const oxmcp_client,
    name: *const c_char,
    arguments_json: *const c_char,
    options: *const oxmcp_call_options,
    result: *mut *mut oxmcp_json,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let params = call_params(name, arguments_json)?;
            run(client, Operation::CallTool, &params, options, Output::required(result, "result")?)
        })
    }
}

/// Asks the server whether it is there, and waits for the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_ping(
    client: *const oxmcp_client,
    options: *const oxmcp_call_options,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller; nowhere is a fine place for the answer.
    unsafe {
        report(error, || run(client, Operation::Ping, "{}", options, Output::optional(std::ptr::null_mut())))
    }
}

/// Starts oxmcp_client_list_tools. The operation settles in `queue` under `id` with exactly one
/// OXMCP_EVENT_COMPLETED or OXMCP_EVENT_FAILED, after any OXMCP_EVENT_PROGRESS.
///
/// `id` is the caller's: no two operations under way in a queue may share one. The address of what the program keeps
/// about the operation is a good one. `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_start_list_tools(
    client: *const oxmcp_client,
    options: *const oxmcp_call_options,
    queue: *const oxmcp_queue,
    id: u64,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe { report(error, || start(client, Operation::ListTools, "{}", options, queue, id)) }
}

/// Starts oxmcp_client_list_tools_page. See oxmcp_client_start_list_tools.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_start_list_tools_page(
    client: *const oxmcp_client,
    cursor: *const c_char,
    options: *const oxmcp_call_options,
    queue: *const oxmcp_queue,
    id: u64,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || start(client, Operation::ListToolsPage, &page_params(cursor)?, options, queue, id))
    }
}

/// Starts oxmcp_client_call_tool. See oxmcp_client_start_list_tools.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_start_call_tool(
    client: *const oxmcp_client,
    name: *const c_char,
    arguments_json: *const c_char,
    options: *const oxmcp_call_options,
    queue: *const oxmcp_queue,
    id: u64,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            start(client, Operation::CallTool, &call_params(name, arguments_json)?, options, queue, id)
        })
    }
}

/// Starts oxmcp_client_ping. See oxmcp_client_start_list_tools.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_start_ping(
    client: *const oxmcp_client,
    options: *const oxmcp_call_options,
    queue: *const oxmcp_queue,
    id: u64,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe { report(error, || start(client, Operation::Ping, "{}", options, queue, id)) }
}

/// Abandons a started operation: it settles with OXMCP_CANCELLED at once and the server is told. False when it has
/// settled already; its event may still be in the queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_client_cancel(
    client: *const oxmcp_client,
    queue: *const oxmcp_queue,
    id: u64,
) -> bool {
    guard(false, || {
        // SAFETY: by contract NULL or live, both.
        let (client, queue) = unsafe { (inner_client(client), inner(queue)) };
        matches!((client, queue), (Ok(client), Ok(queue)) if client.cancel(id, queue))
    })
}

/// Waits until the operation [`OWN_ID`] settles.
pub(super) fn wait(queue: &Queue, mut on_progress: impl FnMut(&[u8])) -> Result<Bytes, oxmcp_error> {
    loop {
        queue.wait(None);
        for event in queue.drain(64) {
            match event.kind {
                EventKind::Completed => return Ok(event.json),
                EventKind::Failed => return Err(oxmcp_error::from_json(&event.json)),
                EventKind::Progress => on_progress(&event.json),
                EventKind::ToolCall
                | EventKind::CallCancelled
                | EventKind::Question
                | EventKind::QuestionOver => {}
            }
        }
    }
}

/// Runs an operation and waits for it.
///
/// # Safety
///
/// The pointers are what the header asks for.
unsafe fn run(
    client: *const oxmcp_client,
    operation: Operation,
    params: &str,
    options: *const oxmcp_call_options,
    output: Output<*mut oxmcp_json>,
) -> Result<(), oxmcp_error> {
    // SAFETY: the caller's promise.
    let (client, options) = unsafe { (inner_client(client)?, read_options(options)?) };
    // SAFETY: the caller's promise.
    let token = options.and_then(|options| unsafe { options.cancel.as_ref() });
    token.map_or(Ok(()), oxmcp_cancel_token::check)?;
    let progress = options.and_then(|options| options.progress.map(|report| (report, options.userdata)));
    let queue = Queue::new(None);
    client.submit(operation, params.as_bytes(), call_options(options, progress.is_some()), OWN_ID, &queue);
    let watch = token.map(|token| token.watch(client, OWN_ID, &queue));
    let outcome = wait(&queue, |json| {
        if let Some((report, userdata)) = progress {
            // SAFETY: the caller gave this function for this use.
            unsafe { tell(report, userdata, json) };
        }
    });
    drop(watch);
    output.give(oxmcp_json::new(&outcome?));
    Ok(())
}

/// Starts an operation whose events go to the caller's queue.
///
/// # Safety
///
/// The pointers are what the header asks for.
unsafe fn start(
    client: *const oxmcp_client,
    operation: Operation,
    params: &str,
    options: *const oxmcp_call_options,
    queue: *const oxmcp_queue,
    id: u64,
) -> Result<(), oxmcp_error> {
    // SAFETY: the caller's promise.
    let (client, options, queue): (&Client, _, &Arc<Queue>) =
        unsafe { (inner_client(client)?, read_options(options)?, inner(queue)?) };
    let events = options.is_some_and(|options: oxmcp_call_options| options.progress_events);
    client.submit(operation, params.as_bytes(), call_options(options, events), id, queue);
    Ok(())
}

fn call_options(options: Option<oxmcp_call_options>, progress: bool) -> CallOptions {
    CallOptions {
        timeout: options.and_then(|options| milliseconds(options.timeout_ms)),
        max_timeout: options.and_then(|options| milliseconds(options.max_timeout_ms)),
        progress,
    }
}

/// # Safety
///
/// `cursor` is NULL or a C string.
unsafe fn page_params(cursor: *const c_char) -> Result<String, oxmcp_error> {
    #[derive(Serialize)]
    struct Params<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<&'a str>,
    }
    // SAFETY: the caller's promise.
    to_json(&Params { cursor: unsafe { optional(cursor, "cursor") }? })
}

/// # Safety
///
/// `name` and `arguments` are NULL or C strings.
unsafe fn call_params(name: *const c_char, arguments: *const c_char) -> Result<String, oxmcp_error> {
    #[derive(Serialize)]
    struct Params<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<&'a RawValue>,
    }
    // SAFETY: the caller's promise.
    let (name, arguments) = unsafe { (required(name, "name")?, optional(arguments, "arguments_json")?) };
    let arguments = arguments
        .map(serde_json::from_str::<&RawValue>)
        .transpose()
        .map_err(|error| oxmcp_error::misuse(format!("arguments_json is not JSON: {error}")))?;
    to_json(&Params { name, arguments })
}

fn to_json(params: &impl Serialize) -> Result<String, oxmcp_error> {
    serde_json::to_string(params).map_err(|error| oxmcp_error::internal(error.to_string()))
}

/// Tells the program of progress.
///
/// # Safety
///
/// `report` may be called with `userdata` on this thread.
unsafe fn tell(
    report: unsafe extern "C" fn(*mut c_void, f64, f64, *const c_char),
    userdata: *mut c_void,
    json: &[u8],
) {
    #[derive(Deserialize)]
    struct Progress {
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
    }
    let Ok(Progress { progress, total, message }) = serde_json::from_slice(json) else {
        return;
    };
    let message = message.and_then(|message| CString::new(message.replace('\0', "\u{fffd}")).ok());
    let pointer = message.as_ref().map_or(std::ptr::null(), |message| message.as_ptr());
    // SAFETY: the caller's promise; `message` lives until the call returns.
    unsafe { report(userdata, progress, total.unwrap_or(f64::NAN), pointer) };
}
