names! {
    /// Who may reuse a result (2026-07-28, caching). A scope that this library does not know is to be treated as
    /// [`Private`](Self::Private).
    CacheScope {
        /// Everybody: nothing in it depends on who asked.
        Public "public",
        /// Only requests under the same authorization.
        Private "private",
    }
}
