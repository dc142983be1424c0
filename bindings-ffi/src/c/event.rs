use std::ptr;

use oxmcp_bridge::{Event, EventKind};

use super::boundary::{free, guard};
use super::error::oxmcp_error;
use super::json::oxmcp_json;

/// What an oxmcp_event says.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum oxmcp_event_kind {
    /// The operation ended well; `json` is its result. No more events of it come.
    OXMCP_EVENT_COMPLETED = 1,
    /// The operation failed; `error` says why. No more events of it come.
    OXMCP_EVENT_FAILED = 2,
    /// The operation made progress; `json` is {"progress": number, "total"?: number, "message"?: string}.
    OXMCP_EVENT_PROGRESS = 3,
}

/// One thing that happened to an operation. Free what it holds with oxmcp_event_clear, or take `json` or `error` and
/// put NULL in its place.
#[repr(C)]
#[derive(Debug)]
pub struct oxmcp_event {
    /// What happened.
    pub kind: oxmcp_event_kind,
    /// The id the operation was started under.
    pub id: u64,
    /// The result or the progress; NULL for OXMCP_EVENT_FAILED.
    pub json: *mut oxmcp_json,
    /// What went wrong; NULL unless OXMCP_EVENT_FAILED.
    pub error: *mut oxmcp_error,
}

impl oxmcp_event {
    /// The event in C's terms. None for those that only servers have, and for questions, which the queues of this binding do not take.
    pub(super) fn new(event: Event) -> Option<Self> {
        let json = |kind| {
            let json = Box::into_raw(Box::new(oxmcp_json::new(&event.json)));
            Self { kind, id: event.id, json, error: ptr::null_mut() }
        };
        match event.kind {
            EventKind::Completed => Some(json(oxmcp_event_kind::OXMCP_EVENT_COMPLETED)),
            EventKind::Progress => Some(json(oxmcp_event_kind::OXMCP_EVENT_PROGRESS)),
            EventKind::Failed => {
                let error = Box::into_raw(Box::new(oxmcp_error::from_json(&event.json)));
                let kind = oxmcp_event_kind::OXMCP_EVENT_FAILED;
                Some(Self { kind, id: event.id, json: ptr::null_mut(), error })
            }
            EventKind::ToolCall
            | EventKind::CallCancelled
            | EventKind::Question
            | EventKind::QuestionOver => None,
        }
    }
}

/// Frees what an event holds and puts NULL in its place. The event itself is the caller's. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_event_clear(event: *mut oxmcp_event) {
    // SAFETY: by contract NULL or an event that oxmcp_queue_poll wrote, cleared or not.
    guard((), || unsafe {
        if let Some(event) = event.as_mut() {
            free(std::mem::replace(&mut event.json, ptr::null_mut()));
            free(std::mem::replace(&mut event.error, ptr::null_mut()));
        }
    });
}
