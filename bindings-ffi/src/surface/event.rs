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

impl FfiEventKind {
    /// None for questions, which the queues of this binding do not take.
    fn new(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::Completed => Some(Self::Completed),
            EventKind::Failed => Some(Self::Failed),
            EventKind::Progress => Some(Self::Progress),
            EventKind::ToolCall => Some(Self::ToolCall),
            EventKind::CallCancelled => Some(Self::CallCancelled),
            EventKind::Question | EventKind::QuestionOver => None,
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

impl FfiEvent {
    /// The event in the foreign language's terms, if it has any.
    pub(crate) fn new(event: Event) -> Option<Self> {
        let kind = FfiEventKind::new(event.kind)?;
        Some(Self { kind, id: event.id, target: event.target, json: event.json.into() })
    }
}
