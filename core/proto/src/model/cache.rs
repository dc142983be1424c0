use serde::{Deserialize, Deserializer};

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

/// Reads `ttlMs`. A negative one means 0 (2026-07-28, caching), and one past what fits means the most that does.
pub(super) fn ttl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    // A float becomes the nearest integer in range.
    Ok(Option::<f64>::deserialize(deserializer)?.map(|ttl| ttl as u64))
}

#[cfg(test)]
mod tests {
    use crate::model::ListResourcesResult;

    #[test]
    fn a_negative_time_to_live_is_none_at_all() {
        for (written, read) in [("-5", 0), ("0", 0), ("60000", 60_000), ("1e3", 1000), ("1e300", u64::MAX)] {
            let page = format!(r#"{{"resources":[],"ttlMs":{written}}}"#);
            let page: ListResourcesResult = serde_json::from_str(&page).unwrap();
            assert_eq!(page.ttl_ms, Some(read));
        }
        assert!(serde_json::from_str::<ListResourcesResult>(r#"{"resources":[],"ttlMs":"1"}"#).is_err());
    }
}
