use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, write_json_string};
use oxmcp_proto::model::{ReadResourceResult, ResourceContents};
use serde::Serialize;

use crate::server::{HandlerError, Json};

/// What a resource holds.
#[derive(Clone, Debug)]
pub enum ResourceOutput {
    /// Text. The URI and the media type are those of the resource; `text/plain` when it names none.
    Text(String),
    /// Bytes. The URI and the media type are those of the resource; `application/octet-stream` when it names none.
    Blob(Bytes),
    /// A result in full.
    Result(Box<ReadResourceResult>),
    /// A `ReadResourceResult` as JSON. If it is not an object with a `contents` array, the caller gets an internal error.
    Json(RawJson),
}

/// What a function that reads a resource may return: text (`String`, `&str`), bytes (`Vec<u8>`, `Bytes`), [`Json`], [`ResourceContents`] or a
/// `Vec` of them, a [`ReadResourceResult`], an `Option` of these, where `None` says that there is no such resource, or a `Result` whose error
/// is a [`HandlerError`].
pub trait IntoResourceOutput {
    /// Makes it what the resource holds.
    fn into_resource_output(self) -> Result<ResourceOutput, HandlerError>;
}

macro_rules! into_output {
    ($($type:ty, $convert:expr;)*) => {$(
        impl IntoResourceOutput for $type {
            fn into_resource_output(self) -> Result<ResourceOutput, HandlerError> {
                let convert: fn($type) -> ResourceOutput = $convert;
                Ok(convert(self))
            }
        }
    )*};
}

into_output! {
    &str, |text| ResourceOutput::Text(text.to_owned());
    String, ResourceOutput::Text;
    &[u8], |bytes| ResourceOutput::Blob(Bytes::copy_from_slice(bytes));
    Vec<u8>, |bytes| ResourceOutput::Blob(bytes.into());
    Bytes, ResourceOutput::Blob;
    ResourceContents, |contents| of_contents(vec![contents]);
    Vec<ResourceContents>, of_contents;
    ReadResourceResult, |result| ResourceOutput::Result(Box::new(result));
    ResourceOutput, |output| output;
}

fn of_contents(contents: Vec<ResourceContents>) -> ResourceOutput {
    ResourceOutput::Result(Box::new(ReadResourceResult { contents, ..ReadResourceResult::default() }))
}

impl<T: Serialize> IntoResourceOutput for Json<T> {
    fn into_resource_output(self) -> Result<ResourceOutput, HandlerError> {
        let text = serde_json::to_string(&self.0);
        text.map(ResourceOutput::Text)
            .map_err(|error| HandlerError::failed(format!("the resource has no JSON: {error}")))
    }
}

impl<T: IntoResourceOutput> IntoResourceOutput for Option<T> {
    fn into_resource_output(self) -> Result<ResourceOutput, HandlerError> {
        self.ok_or(HandlerError::NotFound)?.into_resource_output()
    }
}

impl<T: IntoResourceOutput, E: Into<HandlerError>> IntoResourceOutput for Result<T, E> {
    fn into_resource_output(self) -> Result<ResourceOutput, HandlerError> {
        self.map_err(Into::into)?.into_resource_output()
    }
}

impl ResourceOutput {
    /// The result as JSON. The URI and the media type are those of the resource.
    pub(super) fn into_json(self, uri: &str, mime_type: Option<&str>) -> Result<RawJson, ErrorObject> {
        let (member, value, default) = match self {
            Self::Text(text) => ("text", text, "text/plain"),
            Self::Blob(bytes) => ("blob", STANDARD.encode(bytes), "application/octet-stream"),
            Self::Result(result) => {
                return RawJson::of(&*result)
                    .map_err(|error| ErrorObject::internal(format!("the resource has no JSON: {error}")));
            }
            Self::Json(json) => return Ok(json),
        };
        let mut result = Vec::with_capacity(value.len() + uri.len() + 96);
        result.extend_from_slice(br#"{"contents":[{"uri":"#);
        write_json_string(uri, &mut result);
        result.extend_from_slice(br#","mimeType":"#);
        write_json_string(mime_type.unwrap_or(default), &mut result);
        result.push(b',');
        write_json_string(member, &mut result);
        result.push(b':');
        write_json_string(&value, &mut result);
        result.extend_from_slice(b"}]}");
        Ok(RawJson::from_written(result))
    }
}
