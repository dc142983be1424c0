use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::{RawJson, write_json_string};
use oxmcp_proto::model::{Implementation, keys};

use super::registry::Page;

/// What every result of a revision carries beside its own members.
#[derive(Debug)]
pub(super) struct Results {
    /// The server's identity as a `_meta` member of results in the stateless era.
    meta: String,
}

/// Members that a result brings along and that must not be written a second time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    pub(super) result_type: bool,
    pub(super) meta: bool,
}

impl Results {
    pub(super) fn new(info: &Implementation) -> Self {
        let info = RawJson::of(info).unwrap_or_else(|_| RawJson::empty_object());
        Self { meta: format!(r#""_meta":{{"{}":{}}}"#, keys::SERVER_INFO, info.as_str()) }
    }

    /// A page of a list, under the name of the list's member.
    pub(super) fn page(&self, version: ProtocolVersion, member: &str, page: &Page) -> RawJson {
        let mut result = Vec::with_capacity(page.items.as_bytes().len() + 256);
        result.push(b'{');
        write_json_string(member, &mut result);
        result.push(b':');
        result.extend_from_slice(page.items.as_bytes());
        if let Some(cursor) = &page.next_cursor {
            result.extend_from_slice(br#","nextCursor":"#);
            write_json_string(cursor, &mut result);
        }
        if version.wire().cache_hints {
            // Nothing tells a client yet that the list has changed, so no age is fresh.
            result.extend_from_slice(br#","ttlMs":0,"cacheScope":"private""#);
        }
        self.finish(version, &mut result, Own::default());
        RawJson::from_written(result)
    }

    /// Ends a result object with what every result of the revision has.
    pub(super) fn finish(&self, version: ProtocolVersion, out: &mut Vec<u8>, own: Own) {
        if version.wire().result_type {
            if !own.result_type {
                separate(out);
                out.extend_from_slice(br#""resultType":"complete""#);
            }
            if !own.meta {
                separate(out);
                out.extend_from_slice(self.meta.as_bytes());
            }
        }
        out.push(b'}');
    }
}

/// A comma, unless the object has no member yet.
fn separate(out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
}
