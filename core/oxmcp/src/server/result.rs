use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject, write_json_string};
use oxmcp_proto::model::{Implementation, keys};

use super::registry::Page;
use super::{CachePolicy, Outcome};

/// What every result of a revision carries beside its own members.
#[derive(Debug)]
pub(super) struct Results {
    /// The server's identity as a member of the `_meta` of results in the stateless era.
    server_info: String,
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
        Self { server_info: format!(r#""{}":{}"#, keys::SERVER_INFO, info.as_str()) }
    }

    /// A page of a list, under the name of the list's member.
    pub(super) fn page(
        &self,
        version: ProtocolVersion,
        member: &str,
        page: &Page,
        cache: &CachePolicy,
    ) -> RawJson {
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
            write_cache_hints(cache, &mut result);
        }
        self.finish(version, &mut result, Own::default());
        RawJson::from_written(result)
    }

    /// A result without members of its own. `meta` is the beginning of its `_meta`, with at least one member.
    pub(super) fn empty(&self, version: ProtocolVersion, meta: Vec<u8>) -> RawJson {
        let mut result = Vec::from(*br#"{"_meta":"#);
        result.extend_from_slice(&meta);
        result.push(b',');
        result.extend_from_slice(self.server_info.as_bytes());
        result.push(b'}');
        self.finish(version, &mut result, Own { result_type: false, meta: true });
        RawJson::from_written(result)
    }

    /// Completes a result that is whole already but for what every result of the revision has. It must be an object whose `member` is an
    /// array. Hints of its own, and metadata, stay as they are.
    pub(super) fn complete(
        &self,
        version: ProtocolVersion,
        json: &RawJson,
        member: &str,
        cache: Option<&CachePolicy>,
    ) -> Outcome {
        let object: RawObject<'_> = json
            .to()
            .map_err(|error| ErrorObject::internal(format!("the handler's result is no object: {error}")))?;
        if !object.member(member).is_some_and(|value| value.get().starts_with('[')) {
            return Err(ErrorObject::internal(format!("the handler's result has no `{member}` array")));
        }
        let inside = json.as_str().trim();
        let mut result = Vec::with_capacity(inside.len() + 256);
        result.extend_from_slice(&inside.as_bytes()[..inside.len() - 1]);
        let has = |name| object.member(name).is_some();
        if let Some(cache) =
            cache.filter(|_| version.wire().cache_hints && !has("ttlMs") && !has("cacheScope"))
        {
            write_cache_hints(cache, &mut result);
        }
        self.finish(version, &mut result, Own { result_type: has("resultType"), meta: has("_meta") });
        Ok(RawJson::from_written(result))
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
                out.extend_from_slice(br#""_meta":{"#);
                out.extend_from_slice(self.server_info.as_bytes());
                out.push(b'}');
            }
        }
        out.push(b'}');
    }
}

fn write_cache_hints(cache: &CachePolicy, out: &mut Vec<u8>) {
    out.extend_from_slice(br#","ttlMs":"#);
    out.extend_from_slice(cache.ttl_ms().to_string().as_bytes());
    out.extend_from_slice(br#","cacheScope":"#);
    write_json_string(cache.scope.as_str(), out);
}

/// A comma, unless the object has no member yet.
fn separate(out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
}
