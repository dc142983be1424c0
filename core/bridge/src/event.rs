use bytes::Bytes;

/// What an [`Event`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// The operation `id` ended well; `json` is its result.
    Completed = 1,
    /// The operation `id` failed; `json` is an error object (see [`Error::to_json`](crate::Error::to_json)).
    Failed = 2,
    /// The operation `id` made progress; `json` is `{"progress": number, "total"?: number, "message"?: string}`.
    Progress = 3,
    /// A peer calls the tool `target` of a server; `json` is the arguments object, already checked against the
    /// tool's `inputSchema`. Answer with [`Server::respond`](crate::Server::respond) under `id`.
    ToolCall = 4,
    /// The peer no longer waits for the tool call `id` (it cancelled, disconnected, or the server closed). An answer
    /// is still taken, and dropped.
    CallCancelled = 5,
}

/// One crossing from the core to a binding.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The operation or the tool call this is about. Operation ids are chosen by the binding. Call ids are unique in the process and below
    /// 2^53; the two never mix, because their kinds differ.
    pub id: u64,
    /// For [`EventKind::ToolCall`], the number the tool was added under; otherwise 0.
    pub target: u64,
    /// UTF-8 JSON without a newline; what it holds depends on `kind`. `null` where there is nothing to say.
    pub json: Bytes,
}
