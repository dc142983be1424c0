use std::borrow::Cow;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject, is_plain_text, write_json_string};
use oxmcp_proto::model::{CallToolResult, Content};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ToolError;
use super::handler::schema_of;

/// What a tool has to say.
#[derive(Clone, Debug)]
pub enum ToolOutput {
    /// One text block.
    Text(String),
    /// A result in full.
    Result(Box<CallToolResult>),
    /// A `CallToolResult` as JSON. If it is not an object with a `content` array, the caller gets an internal error.
    Json(RawJson),
}

/// A structured result: `structuredContent`, with the same as JSON text for clients that do not know it. `T` must serialise as a JSON
/// object, because revisions before 2026-07-28 have no other.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

/// What a tool's function may return: text (`String`, `&str`, a number, a `bool`), nothing, content blocks, [`Json`], a
/// [`CallToolResult`], or a `Result` of these whose error is a [`ToolError`].
pub trait IntoToolOutput {
    /// Makes it what the tool has to say.
    fn into_tool_output(self) -> Result<ToolOutput, ToolError>;

    /// The JSON Schema of the structured result, if it has one.
    fn output_schema() -> Option<RawJson> {
        None
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl IntoToolOutput for $type {
            fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
                Ok(ToolOutput::Text(self.to_string()))
            }
        }
    )*};
}

as_text!(&str, bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);

impl IntoToolOutput for String {
    fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput::Text(self))
    }
}

impl IntoToolOutput for () {
    fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput::Result(Box::default()))
    }
}

impl IntoToolOutput for Content {
    fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
        vec![self].into_tool_output()
    }
}

impl IntoToolOutput for Vec<Content> {
    fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput::Result(Box::new(CallToolResult { content: self, ..CallToolResult::default() })))
    }
}

impl IntoToolOutput for CallToolResult {
    fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput::Result(Box::new(self)))
    }
}

impl<T: Serialize + JsonSchema> IntoToolOutput for Json<T> {
    fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
        // The text keeps the order of T's members, as its schema does.
        let structured = serde_json::to_string(&self.0).map_err(|error| {
            ToolError::Rpc(ErrorObject::internal(format!("the tool's result has no JSON: {error}")))
        })?;
        let mut result = Vec::with_capacity(2 * structured.len() + 64);
        result.extend_from_slice(br#"{"content":[{"type":"text","text":"#);
        write_json_string(&structured, &mut result);
        result.extend_from_slice(br#"}],"structuredContent":"#);
        result.extend_from_slice(structured.as_bytes());
        result.push(b'}');
        Ok(ToolOutput::Json(RawJson::from_written(result)))
    }

    fn output_schema() -> Option<RawJson> {
        Some(schema_of::<T>())
    }
}

impl<T: IntoToolOutput, E: Into<ToolError>> IntoToolOutput for Result<T, E> {
    fn into_tool_output(self) -> Result<ToolOutput, ToolError> {
        self.map_err(Into::into)?.into_tool_output()
    }

    fn output_schema() -> Option<RawJson> {
        T::output_schema()
    }
}

impl ToolOutput {
    /// The result object, without its last brace.
    pub(super) fn into_object(self) -> Result<Vec<u8>, ErrorObject> {
        let text = match self {
            Self::Text(text) if text.len() >= LARGE_TEXT && is_plain_text(&text) => {
                return Ok(text_object_around(text));
            }
            Self::Text(ref text) => text.len(),
            Self::Result(_) => 0,
            Self::Json(ref json) => json.as_bytes().len(),
        };
        let mut object = Vec::with_capacity(AROUND + text);
        object.push(b'{');
        self.write_members(&mut object)?;
        Ok(object)
    }

    /// Writes the members of the result object, without its braces. `Err` when it is no tool result.
    fn write_members(&self, out: &mut Vec<u8>) -> Result<(), ErrorObject> {
        match self {
            Self::Text(text) => {
                out.extend_from_slice(&TEXT_HEAD[1..]);
                write_json_string(text, out);
                out.extend_from_slice(b"}]");
                Ok(())
            }
            Self::Result(result) => {
                let json = serde_json::to_vec(result).map_err(|error| {
                    ErrorObject::internal(format!("the tool's result has no JSON: {error}"))
                })?;
                out.extend_from_slice(&json[1..json.len() - 1]);
                Ok(())
            }
            Self::Json(json) => {
                let object: RawObject<'_> = json.to().map_err(|error| {
                    ErrorObject::internal(format!("the tool's result is no object: {error}"))
                })?;
                if !object.member("content").is_some_and(|content| content.get().starts_with('[')) {
                    return Err(ErrorObject::internal("the tool's result has no `content` array"));
                }
                let inside = json.as_str().trim();
                out.extend_from_slice(&inside.as_bytes()[1..inside.len() - 1]);
                Ok(())
            }
        }
    }

    /// The structured part, for checking it.
    pub(super) fn structured_content(&self) -> Result<Structured<'_>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Result {
            structured_content: Option<Value>,
            #[serde(default)]
            is_error: bool,
        }
        let (content, is_error) = match self {
            Self::Text(_) => (None, false),
            Self::Result(result) => (result.structured_content.as_ref().map(Cow::Borrowed), result.is_error),
            Self::Json(json) => {
                let result: Result = json.to().map_err(|error| error.to_string())?;
                (result.structured_content.map(Cow::Owned), result.is_error)
            }
        };
        Ok(match content {
            _ if is_error => Structured::Failed,
            Some(content) => Structured::Content(content),
            None => Structured::Missing,
        })
    }

    /// Whether the result has a member of its own under a name that the server would add.
    pub(super) fn has_member(&self, name: &str) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Result(result) => {
                (name == "_meta" && result.meta.is_some()) || result.extra.contains_key(name)
            }
            Self::Json(json) => json.to::<RawObject<'_>>().is_ok_and(|object| object.member(name).is_some()),
        }
    }
}

/// Bytes of a text from which on its memory becomes the result's.
const LARGE_TEXT: usize = 16 * 1024;

/// Room for what stands around the text in a result.
const AROUND: usize = 512;

/// What stands before the text of a result that is one text block.
const TEXT_HEAD: &[u8] = br#"{"content":[{"type":"text","text":"#;

/// Makes the object of a result around a text that needs no escapes, in the text's own memory: memory that is new for each large result
/// costs more than moving the text.
fn text_object_around(text: String) -> Vec<u8> {
    let mut object = text.into_bytes();
    object.reserve(AROUND);
    object.splice(0..0, TEXT_HEAD.iter().chain(b"\"").copied());
    object.extend_from_slice(br#""}]"#);
    object
}

/// What there is of a result to check against `outputSchema`.
pub(super) enum Structured<'a> {
    Content(Cow<'a, Value>),
    /// The tool failed, which needs no structure.
    Failed,
    Missing,
}
