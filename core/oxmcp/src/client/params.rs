use oxmcp_proto::jsonrpc::{RawJson, RawObject, write_name, write_on_one_line};
use oxmcp_proto::model::{LoggingLevel, keys};

use crate::{Error, Result};

/// What a request's `_meta` is to hold beside what the caller put into the parameters.
#[derive(Default)]
pub(super) struct MetaMembers<'a> {
    pub(super) progress_token: Option<i64>,
    /// Written members, as every request of the stateless era carries them.
    pub(super) stateless: Option<&'a str>,
    /// The least severe log messages that the request wants (stateless era).
    pub(super) log_level: Option<LoggingLevel>,
    /// What the caller adds.
    pub(super) more: &'a [(String, RawJson)],
}

/// The parameters of a request, looked at once: what the caller put in `_meta`, and everything else.
pub(super) struct Params<'a> {
    rest: Rest<'a>,
    meta: RawObject<'a>,
}

enum Rest<'a> {
    /// What stands between the braces.
    Text(&'a [u8]),
    /// The members, for a caller who put something in `_meta`.
    Members(RawObject<'a>),
}

impl<'a> Params<'a> {
    /// Looks at what a caller gave.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if it is no object, or has a `_meta` that is none; `null` is as good as no `_meta`.
    pub(super) fn read(params: &'a RawJson) -> Result<Self> {
        if !params.is_object() {
            return Err(Error::misuse("the parameters of a call have to be a JSON object"));
        }
        if memchr::memmem::find(params.as_bytes(), br#""_meta""#).is_none() {
            return Ok(Self::plain(params));
        }
        let unreadable = |error| Error::misuse("the parameters of a call cannot be read").with_source(error);
        let mut members: RawObject<'_> = params.to().map_err(unreadable)?;
        let Some(meta) = members.remove("_meta") else { return Ok(Self::plain(params)) };
        let meta: Option<RawObject<'_>> = serde_json::from_str(meta.get()).map_err(|error| {
            Error::misuse("the `_meta` of a call's parameters has to be a JSON object").with_source(error)
        })?;
        Ok(Self { rest: Rest::Members(members), meta: meta.unwrap_or_default() })
    }

    /// An object without `_meta`.
    pub(super) fn plain(params: &'a RawJson) -> Self {
        Self { rest: Rest::Text(members_of(params.as_bytes())), meta: RawObject::default() }
    }

    /// Writes the object with its `_meta` completed, on one line. What the caller has in `_meta` under our names is replaced.
    pub(super) fn write(&self, meta: &MetaMembers<'_>, out: &mut Vec<u8>) {
        out.push(b'{');
        match &self.rest {
            Rest::Text(text) => write_on_one_line(text, out),
            Rest::Members(members) => {
                for (name, value) in &members.0 {
                    write_member(name, value.get(), out);
                }
            }
        }
        if !self.meta.0.is_empty() || !meta.is_empty() {
            write_name("_meta", out);
            out.push(b'{');
            meta.write(out);
            for (name, value) in &self.meta.0 {
                if !meta.has(name) {
                    write_member(name, value.get(), out);
                }
            }
            out.push(b'}');
        }
        out.push(b'}');
    }
}

/// Writes the next member of an object.
fn write_member(name: &str, value: &str, out: &mut Vec<u8>) {
    write_name(name, out);
    write_on_one_line(value.as_bytes(), out);
}

impl MetaMembers<'_> {
    fn is_empty(&self) -> bool {
        self.progress_token.is_none()
            && self.stateless.is_none()
            && self.log_level.is_none()
            && self.more.is_empty()
    }

    /// Writes them into an object that is being written.
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(token) = self.progress_token {
            out.extend_from_slice(br#""progressToken":"#);
            out.extend_from_slice(token.to_string().as_bytes());
        }
        if let Some(stateless) = self.stateless {
            if !out.ends_with(b"{") {
                out.push(b',');
            }
            out.extend_from_slice(stateless.as_bytes());
        }
        if let Some(level) = self.log_level {
            write_member(keys::LOG_LEVEL, &format!("\"{level}\""), out);
        }
        for (name, value) in self.more {
            if !self.writes(name) {
                write_member(name, value.as_str(), out);
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.writes(name) || self.more.iter().any(|(other, _)| other == name)
    }

    /// Whether a member is the library's own.
    fn writes(&self, name: &str) -> bool {
        match name {
            keys::PROGRESS_TOKEN => self.progress_token.is_some(),
            keys::LOG_LEVEL => self.log_level.is_some(),
            keys::PROTOCOL_VERSION | keys::CLIENT_INFO | keys::CLIENT_CAPABILITIES => {
                self.stateless.is_some()
            }
            _ => false,
        }
    }
}

/// What stands between the braces of an object.
fn members_of(object: &[u8]) -> &[u8] {
    let object = object.trim_ascii();
    object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(params: &str, progress_token: Option<i64>, stateless: Option<&str>) -> Value {
        let mut out = Vec::new();
        let params = RawJson::parse(params.as_bytes().to_vec()).unwrap();
        Params::read(&params)
            .unwrap()
            .write(&MetaMembers { progress_token, stateless, ..MetaMembers::default() }, &mut out);
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

    #[test]
    fn no_meta_and_null_are_the_same() {
        let stateless = Some(r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#);
        let ours = json!({"progressToken": 1, "io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        assert_eq!(written(r#"{"_meta": null, "a": 1}"#, Some(1), stateless), json!({"a": 1, "_meta": ours}));
        assert_eq!(written(r#"{"_meta": null}"#, None, None), json!({}));
    }

    #[test]
    fn what_is_no_object_is_a_misuse() {
        for params in [
            "null",
            "[]",
            "1",
            r#""{}""#,
            r#"{"_meta": 1}"#,
            r#"{"_meta": []}"#,
            r#"{"_meta": {}, "_meta": {}}"#,
        ] {
            let params = RawJson::parse(params.as_bytes().to_vec()).unwrap();
            let error = Params::read(&params).err().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Misuse, "{params:?}");
        }
    }
}
