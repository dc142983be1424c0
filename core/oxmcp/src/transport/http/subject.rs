use std::borrow::Cow;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stateless::unreadable;

/// What of a request's parameters stands in headers too. Which of the names it is, and so has to be text, depends on the method; an
/// extension's may be anything.
#[derive(Default, Deserialize)]
pub(super) struct Subject<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "taskId")]
    task_id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<Text<'a>>,
}

/// A string that borrows where it can; serde's own `Option<Cow>` always copies.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Subject<'a> {
    /// Reads the parameters. What cannot be read cannot be compared with the headers either, so it must not be served.
    pub(super) fn of(params: Option<&'a RawJson>) -> Result<Self, ErrorObject> {
        let read = params.map_or(Ok(Self::default()), RawJson::to);
        read.map_err(|error| unreadable(&error))
    }

    /// The revision in `_meta`; only requests of the stateless era have it.
    pub(super) fn version(&self) -> Option<&str> {
        self.meta.as_ref()?.version.as_ref().map(|text| &*text.0)
    }

    /// The text of the name that a method has.
    pub(super) fn member(&self, name: &str) -> Result<Option<Cow<'a, str>>, ErrorObject> {
        let member = match name {
            "name" => self.name,
            "uri" => self.uri,
            "taskId" => self.task_id,
            _ => None,
        };
        let text = member.map(|json| serde_json::from_str::<Option<Text<'_>>>(json.get())).transpose();
        Ok(text.map_err(|error| unreadable(&error))?.flatten().map(|text| text.0))
    }
}
