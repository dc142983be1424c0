names! {
    /// What kind of result a result is (2026-07-28). One that does not say is complete.
    ResultType {
        /// The request is done, and this is what came of it.
        Complete "complete",
        /// The request can go on when the client has answered some questions.
        InputRequired "input_required",
        /// The request goes on as a task, and this is its handle (extension `io.modelcontextprotocol/tasks`).
        Task "task",
    }
}
