use std::time::Duration;

/// What a client or server holds at most, and how long it waits. The defaults suit a laptop as well as a server.
///
/// ```
/// use oxmcp::Limits;
/// use std::time::Duration;
///
/// let limits = Limits::with(|it| it.connect = Duration::from_secs(60));
/// assert_eq!(limits.call_silence, Limits::default().call_silence);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one message, in either direction of arrival. Default 16 MiB.
    pub message_bytes: usize,
    /// Levels of objects and arrays in one message. Default 128.
    pub message_depth: usize,
    /// Calls of this side that wait for an answer, per connection. Default 65,536.
    pub calls: usize,
    /// Requests that are served at once. Over a stream of messages (a process, a socket) the limit is that of one connection. An HTTP server has
    /// one for all its connections and sessions, and a session, or a client of HTTP+SSE, may have no more than it leaves free for all others;
    /// open subscriptions do not count. A request past it is answered with an error, over HTTP with status 503. Default 4,096.
    pub serving: usize,
    /// Bytes of those requests, counted in the same way: per stream, their parameters; for an HTTP server, the messages over 8 KiB that
    /// arrive or of which anybody still holds a part. A request past it is answered with an error, unless it is alone. Default 256 MiB.
    pub serving_bytes: usize,
    /// Bytes written and not yet taken by the peer, per connection that is a stream of messages. Default 64 MiB.
    pub unsent_bytes: usize,
    /// Open HTTP connections: of a client to its server, 64; of a server, 16 times that. As many of a server that listens on a socket. A
    /// client of HTTP+SSE has as many for its requests, as many again for its answers, and one to listen; requests past it wait, with up to
    /// `unsent_bytes`.
    pub http_connections: usize,
    /// Sessions of the handshake era that an HTTP server keeps. Past it, the one unused for longest ends. What one keeps while nobody
    /// listens is bounded too: 64 KiB of what its client says of itself, 64 KiB of messages that wait, and 128 KiB of URIs it subscribed to;
    /// all sessions together may so come to 2.5 GiB, if clients do their worst. Default 10,000.
    pub sessions: usize,
    /// How long a session may be unused before it ends. Default one hour.
    pub session_idle: Duration,
    /// How long connecting may take, from starting a process or opening a socket to an agreed revision. Default 30 s.
    pub connect: Duration,
    /// How long a server has to answer the era probe before `initialize` is tried; over HTTP, from when the probe was sent. Default 3 s.
    pub probe: Duration,
    /// How long a call waits in silence; progress starts it anew. Default 60 s.
    pub call_silence: Duration,
    /// How long a call may take in all. A list that is read to its end is one call in this. Default one hour.
    pub call_total: Duration,
    /// How often a client sends a call over HTTP again that met a failure which may pass: the server could not be reached, the connection
    /// broke before the answer, or HTTP 408, 425, 429, 502, 503 or 504. That is done with calls that have no effect by the protocol, with tools
    /// that are listed with `readOnlyHint` or `idempotentHint`, and with any call of which nothing was sent or which the server says that it did
    /// not take (HTTP 425, 429, and 503 with `Retry-After`). The pauses begin with 100 ms, grow, and keep to `Retry-After`; all of it happens
    /// within the time of the call. Default 3; 0 for never.
    pub retries: usize,
    /// Pages of a list that is read to its end. Default 10,000.
    pub list_pages: usize,
    /// Bytes of the pages of a list that is read to its end into one result. Default 64 MiB.
    pub list_bytes: usize,
    /// Open `subscriptions/listen` of a server's clients, all together. Default 10,000.
    pub open_subscriptions: usize,
    /// Resources that one session, or one `subscriptions/listen`, subscribes to. Their URIs may take 128 KiB. Default 1,000.
    pub resource_subscriptions: usize,
    /// Rounds of input that one request may ask for: a server's of its client, and a client's of its server (2026-07-28, patterns, MRTR). A
    /// round for which a client has to give nothing does not count; the time of the call bounds those. Default 16.
    pub input_rounds: usize,
    /// Questions, and steps, of one request of a server; inputs that a server may need of a client at once. Default 64 of each.
    pub inputs: usize,
    /// Bytes of the sealed state that a client carries from one round to the next: the answers and the results of steps so far. Default
    /// 256 KiB.
    pub input_state_bytes: usize,
    /// Handlers of a client that are at work at once, for sampling and elicitation. What is past it waits. Default 64.
    pub input_handlers: usize,
    /// How long a client has to answer what its server asks, which may need its user: in a session, how long the handler waits; in 2026-07-28,
    /// how long the state is good that the client sends along. A client waits as long for a page that its user visits so that a call can go on
    /// (2025-11-25). Default 10 minutes.
    pub input_wait: Duration,
    /// Tasks that a server works on at once. Past it, a call that may be a task stays an ordinary one, and one that has to be is refused.
    /// Also the tasks that a client keeps for a server of 2025-11-25. Default 1,024.
    pub tasks: usize,
    /// The same for one client: one session, or one principal. All that are neither count as one. Default 256.
    pub client_tasks: usize,
    /// How long a server keeps a task and what came of it, beginning with its creation; work that takes longer is dropped. Default one
    /// hour.
    pub task_ttl: Duration,
    /// The same, if a client of 2025-11-25 wants it longer, at most. Default 24 hours.
    pub task_ttl_max: Duration,
    /// After how long clients of a server are to ask again how a task stands; and how long a client waits whose server does not say.
    /// Default one second.
    pub task_poll: Duration,
    /// How long a server waits for a store of its events or tasks ([`store`](crate::store)); what takes longer has failed. Default 10 s.
    pub store_wait: Duration,
    /// Results that a client keeps, because the server said that they may be used again for a while (2026-07-28); 0 for none. Default 1,024.
    pub cache_entries: usize,
    /// Bytes of those results. Default 16 MiB.
    pub cache_bytes: usize,
    /// Resources to which a client is subscribed. Default 4,096.
    pub subscriptions: usize,
    /// How long a child process has to exit by itself after its input was closed, and again after it was asked to terminate.
    /// Default 2 s.
    pub exit_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 20,
            message_depth: 128,
            calls: 64 * 1024,
            serving: 4096,
            serving_bytes: 256 << 20,
            unsent_bytes: 64 << 20,
            http_connections: 64,
            sessions: 10_000,
            session_idle: Duration::from_secs(3600),
            connect: Duration::from_secs(30),
            probe: Duration::from_secs(3),
            call_silence: Duration::from_secs(60),
            call_total: Duration::from_secs(3600),
            retries: 3,
            list_pages: 10_000,
            list_bytes: 64 << 20,
            open_subscriptions: 10_000,
            resource_subscriptions: 1000,
            input_rounds: 16,
            inputs: 64,
            input_state_bytes: 256 << 10,
            input_handlers: 64,
            input_wait: Duration::from_secs(600),
            tasks: 1024,
            client_tasks: 256,
            task_ttl: Duration::from_secs(3600),
            task_ttl_max: Duration::from_secs(24 * 3600),
            task_poll: Duration::from_secs(1),
            store_wait: Duration::from_secs(10),
            cache_entries: 1024,
            cache_bytes: 16 << 20,
            subscriptions: 4096,
            exit_grace: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// The defaults with some changes.
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut limits = Self::default();
        change(&mut limits);
        limits
    }

    pub(crate) fn link(&self) -> oxmcp_proto::link::Limits {
        oxmcp_proto::link::Limits {
            calls: self.calls,
            serving: self.serving,
            serving_bytes: self.serving_bytes,
            unsent: self.unsent_bytes,
        }
    }
}
