use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use oxmcp_bridge::CallOutcome;

use super::boundary::{guard, report, shared};
use super::error::oxmcp_error;
use super::json::oxmcp_json;
use super::result::oxmcp_result;
use super::server_core::ServerCore;
use super::text::{lossy, optional, required};

/// One call of a tool. It may be used from any thread.
///
/// A handler has it until it returns. To answer later, keep it with oxmcp_call_keep and free it with oxmcp_call_free.
#[derive(Debug)]
pub struct oxmcp_call {
    core: Arc<ServerCore>,
    id: u64,
    arguments: oxmcp_json,
    answered: AtomicBool,
    /// Set by the server when nobody waits for the answer any more.
    cancelled: Arc<AtomicBool>,
}

impl oxmcp_call {
    /// A call that came out of the server's queue; the server sets `cancelled` when nobody waits for it any more.
    pub(super) fn new(core: Arc<ServerCore>, id: u64, arguments: &[u8], cancelled: Arc<AtomicBool>) -> Self {
        let arguments = oxmcp_json::new(arguments);
        Self { core, id, arguments, answered: AtomicBool::new(false), cancelled }
    }

    /// Whether nobody waits for the answer any more, as far as is noted.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Answers, if nothing has answered yet.
    pub(super) fn respond(&self, outcome: CallOutcome) -> oxmcp_result {
        if self.answered.swap(true, Ordering::AcqRel) {
            return oxmcp_result::OXMCP_MISUSE;
        }
        match self.core.server().respond(self.id, outcome) {
            true => oxmcp_result::OXMCP_OK,
            false => oxmcp_result::OXMCP_CANCELLED,
        }
    }
}

impl Drop for oxmcp_call {
    fn drop(&mut self) {
        self.core.forget(self.id);
        if !*self.answered.get_mut() && !self.is_cancelled() {
            let message = "the tool's handler gave no answer".to_owned();
            self.core.server().respond(self.id, CallOutcome::Error { code: -32603, message, data: None });
        }
    }
}

/// The arguments, a JSON object that was checked against the tool's inputSchema. It lives as long as the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_arguments(call: *const oxmcp_call) -> *const oxmcp_json {
    // SAFETY: by contract NULL or live.
    unsafe { call.as_ref() }.map_or(ptr::null(), |call| ptr::from_ref(&call.arguments))
}

/// What is known of the call: {"requestId": string|number, "protocolVersion": string, "clientInfo"?: {...},
/// "progress": bool, "_meta"?: {...}}. Free it with oxmcp_json_free. NULL once the call is answered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_context(call: *const oxmcp_call) -> *mut oxmcp_json {
    // SAFETY: by contract NULL or live.
    let Some(call) = (unsafe { call.as_ref() }) else {
        return ptr::null_mut();
    };
    guard(ptr::null_mut(), || match call.core.server().call_context(call.id) {
        Some(json) => Box::into_raw(Box::new(oxmcp_json::new(&json))),
        None => ptr::null_mut(),
    })
}

/// Whether the caller no longer waits: it cancelled or went away, or the server was closed. Long work asks now and
/// then and stops. An answer is still taken, and dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_is_cancelled(call: *const oxmcp_call) -> bool {
    // SAFETY: by contract NULL or live.
    let Some(call) = (unsafe { call.as_ref() }) else {
        return false;
    };
    guard(false, || {
        if !call.is_cancelled() && call.core.is_of_this_process() {
            call.core.sort();
        }
        call.is_cancelled()
    })
}

/// Reports progress, which must grow with every report. `total` is NAN and `message` NULL when they are not known.
/// False when the caller did not ask for it or no longer waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_progress(
    call: *const oxmcp_call,
    progress: f64,
    total: f64,
    message: *const c_char,
) -> bool {
    guard(false, || {
        // SAFETY: by contract NULL or live, and NULL or a C string.
        let (call, message) = unsafe { (call.as_ref(), lossy(message, "message").ok()) };
        let Some(call) = call else {
            return false;
        };
        let total = Some(total).filter(|total| !total.is_nan());
        call.core.server().progress(call.id, progress, total, message.as_deref())
    })
}

/// Answers with one text block. What is not UTF-8 in it is replaced by U+FFFD.
///
/// This and the other oxmcp_call_respond_... functions give OXMCP_OK; OXMCP_CANCELLED when the caller no longer waits;
/// OXMCP_MISUSE when the call was answered before, and for NULL and JSON that is not UTF-8, which answer nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_respond_text(
    call: *const oxmcp_call,
    text: *const c_char,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe { respond(call, || Ok(CallOutcome::Text(lossy(text, "text")?))) }
}

/// Answers with a whole result: {"content": [...], "structuredContent"?: ..., "isError"?: bool}. When it is anything
/// else, the caller is told that the server failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_respond_result(
    call: *const oxmcp_call,
    result_json: *const c_char,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        respond(call, || {
            let result = required(result_json, "result_json")?;
            Ok(CallOutcome::Result(Bytes::copy_from_slice(result.as_bytes())))
        })
    }
}

/// Answers that the tool failed, in a way the model should see: one text block in a result with "isError".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_respond_tool_error(
    call: *const oxmcp_call,
    text: *const c_char,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe { respond(call, || Ok(CallOutcome::ToolError(lossy(text, "text")?))) }
}

/// Fails the request with a JSON-RPC error, -32602 for arguments that make no sense for example. `data_json` is JSON,
/// or NULL for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_respond_error(
    call: *const oxmcp_call,
    code: i64,
    message: *const c_char,
    data_json: *const c_char,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        respond(call, || {
            let message = lossy(message, "message")?;
            let data = optional(data_json, "data_json")?.map(|data| Bytes::copy_from_slice(data.as_bytes()));
            Ok(CallOutcome::Error { code, message, data })
        })
    }
}

/// Keeps a call after its handler returns, to be answered later, from any thread. Free it with oxmcp_call_free. NULL
/// is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_keep(call: *mut oxmcp_call) {
    if !call.is_null() {
        // SAFETY: by contract live, and every call that the program sees is in an `Arc`.
        unsafe { Arc::increment_strong_count(call) };
    }
}

/// Frees a call that was kept. When nothing answered it, the caller is told that the tool failed. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_call_free(call: *mut oxmcp_call) {
    if !call.is_null() {
        // SAFETY: by contract kept once more than freed.
        guard((), || unsafe { Arc::decrement_strong_count(call) });
    }
}

/// # Safety
///
/// `call` is NULL or live.
unsafe fn respond(
    call: *const oxmcp_call,
    outcome: impl FnOnce() -> Result<CallOutcome, oxmcp_error>,
) -> oxmcp_result {
    let mut result = oxmcp_result::OXMCP_OK;
    // SAFETY: the caller's promise; nobody wants the error itself.
    let reported = unsafe {
        report(ptr::null_mut(), || {
            result = shared(call, "call")?.respond(outcome()?);
            Ok(())
        })
    };
    match reported {
        oxmcp_result::OXMCP_OK => result,
        failed => failed,
    }
}
