use oxmcp_bridge::{Event, EventKind};

/// What an [`FfiEvent`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FfiEventKind {
    /// The operation `id` ended well; `json` is its result.
    Completed,
    /// The operation `id` failed; `json` is an error object, in the form of [`FfiError`](crate::FfiError).
    Failed,
    /// The operation `id` made progress; `json` is `{"progress": number, "total"?: number, "message"?: string}`.
    Progress,
    /// A peer calls the tool `target` of a server; `json` is the arguments object, already checked against the
    /// tool's `inputSchema`. Answer under `id` with one of the `respond` methods of [`FfiServer`](crate::FfiServer).
    ToolCall,
    /// The peer no longer waits for the tool call `id`. An answer is still taken, and dropped.
    CallCancelled,
}

impl From<EventKind> for FfiEventKind {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::Completed => Self::Completed,
            EventKind::Failed => Self::Failed,
            EventKind::Progress => Self::Progress,
            EventKind::ToolCall => Self::ToolCall,
            EventKind::CallCancelled => Self::CallCancelled,
        }
    }
}

/// One crossing from the core to the foreign language.
#[derive(Clone, Debug, uniffi::Record)]
pub struct FfiEvent {
    /// What happened.
    pub kind: FfiEventKind,
    /// The operation or the tool call this is about. Operation ids are chosen by the caller, call ids by the server;
    /// they never mix, because their kinds differ.
    pub id: u64,
    /// For [`FfiEventKind::ToolCall`], the number the tool was added under; otherwise 0.
    pub target: u64,
    /// UTF-8 JSON without a newline; `null` where there is nothing to say.
    pub json: Vec<u8>,
}

impl From<Event> for FfiEvent {
    fn from(event: Event) -> Self {
        Self { kind: event.kind.into(), id: event.id, target: event.target, json: event.json.into() }
    }
}
