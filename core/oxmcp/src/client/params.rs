use oxmcp_proto::jsonrpc::{RawJson, RawObject, write_json_string, write_on_one_line};
use oxmcp_proto::model::keys;

/// What a request's `_meta` is to hold beside what the caller put there.
pub(super) struct MetaMembers<'a> {
    pub(super) progress_token: Option<i64>,
    /// Written members, as every request of the stateless era carries them.
    pub(super) stateless: Option<&'a str>,
}

/// Writes a parameters object with its `_meta` completed, on one line. `params` is an object; what it has in `_meta` under our names is
/// replaced.
pub(super) fn write_params(params: &RawJson, meta: &MetaMembers<'_>, out: &mut Vec<u8>) {
    if memchr::memmem::find(params.as_bytes(), br#""_meta""#).is_some()
        && let Ok(object) = params.to::<RawObject<'_>>()
        && object.member("_meta").is_some()
    {
        return write_merged(&object, meta, out);
    }
    let inside = members_of(params.as_str());
    out.push(b'{');
    write_on_one_line(inside.as_bytes(), out);
    if meta.progress_token.is_some() || meta.stateless.is_some() {
        if !inside.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(br#""_meta":{"#);
        meta.write(out);
        out.push(b'}');
    }
    out.push(b'}');
}

/// The slow way, for a caller who put something in `_meta`.
fn write_merged(params: &RawObject<'_>, meta: &MetaMembers<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in params.0.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json_string(name, out);
        out.push(b':');
        let own =
            if name == "_meta" { serde_json::from_str::<RawObject<'_>>(value.get()).ok() } else { None };
        let Some(own) = own else {
            write_on_one_line(value.get().as_bytes(), out);
            continue;
        };
        out.push(b'{');
        let before = out.len();
        meta.write(out);
        for (name, value) in own.0 {
            if meta.has(&name) {
                continue;
            }
            if out.len() > before {
                out.push(b',');
            }
            write_json_string(&name, out);
            out.push(b':');
            write_on_one_line(value.get().as_bytes(), out);
        }
        out.push(b'}');
    }
    out.push(b'}');
}

impl MetaMembers<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(token) = self.progress_token {
            out.extend_from_slice(br#""progressToken":"#);
            out.extend_from_slice(token.to_string().as_bytes());
            if self.stateless.is_some() {
                out.push(b',');
            }
        }
        if let Some(stateless) = self.stateless {
            out.extend_from_slice(stateless.as_bytes());
        }
    }

    fn has(&self, name: &str) -> bool {
        match name {
            keys::PROGRESS_TOKEN => self.progress_token.is_some(),
            keys::PROTOCOL_VERSION | keys::CLIENT_INFO | keys::CLIENT_CAPABILITIES => {
                self.stateless.is_some()
            }
            _ => false,
        }
    }
}

/// What stands between the braces of an object.
fn members_of(object: &str) -> &str {
    let object = object.trim();
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(params: &str, progress_token: Option<i64>, stateless: Option<&str>) -> Value {
        let mut out = Vec::new();
        let params = RawJson::parse(params.as_bytes().to_vec()).unwrap();
        write_params(&params, &MetaMembers { progress_token, stateless }, &mut out);
        assert!(!out.contains(&b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn meta_is_added_and_merged() {
        let stateless = Some(r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#);
        assert_eq!(written("{}", None, None), json!({}));
        assert_eq!(written("{ }", Some(1), None), json!({"_meta": {"progressToken": 1}}));
        assert_eq!(
            written("{\"a\":\n\"_meta\"}", Some(1), stateless),
            json!({"a": "_meta", "_meta": {"progressToken": 1, "io.modelcontextprotocol/protocolVersion": "2026-07-28"}})
        );
        assert_eq!(
            written(r#"{"_meta": {"mine": 1, "progressToken": "x"}, "a": 1}"#, Some(7), None),
            json!({"a": 1, "_meta": {"mine": 1, "progressToken": 7}})
        );
        assert_eq!(
            written(r#"{"_meta": {}, "a": 1}"#, None, stateless),
            json!({"a": 1, "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}})
        );
    }
}
