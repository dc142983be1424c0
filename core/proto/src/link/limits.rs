/// How much a link holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of this side that wait for an answer. Default 65,536.
    pub calls: usize,
    /// Requests of the peer that are being served. Default 4,096; more are answered with an error.
    pub serving: usize,
    /// Bytes of the parameters and ids of those requests. Default 256 MiB; a request past it is answered with an error, unless it is alone.
    pub serving_bytes: usize,
    /// Bytes written and not yet taken. Default 64 MiB. Past it new calls fail and notifications are dropped. Answers are always
    /// written; their owner looks at [`Link::unsent_answers`](super::Link::unsent_answers) and gives up a peer that does not read them.
    pub unsent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 64 * 1024, serving: 4096, serving_bytes: 256 << 20, unsent: 64 << 20 }
    }
}
