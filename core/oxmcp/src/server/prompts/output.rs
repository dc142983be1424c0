use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::{Content, GetPromptResult, PromptMessage};

use crate::server::HandlerError;

/// What a prompt says.
#[derive(Clone, Debug)]
pub enum PromptOutput {
    /// A result in full. Without a description, it gets that of the prompt.
    Result(Box<GetPromptResult>),
    /// A `GetPromptResult` as JSON. If it is not an object with a `messages` array, the caller gets an internal error.
    Json(RawJson),
}

/// What a function that writes a prompt may return: one message of the user as text (`String`, `&str`) or as [`Content`], a
/// [`PromptMessage`] or a `Vec` of them, a [`GetPromptResult`], or a `Result` of these whose error is a [`HandlerError`].
pub trait IntoPromptOutput {
    /// Makes it what the prompt says.
    fn into_prompt_output(self) -> Result<PromptOutput, HandlerError>;
}

macro_rules! into_output {
    ($($type:ty, $convert:expr;)*) => {$(
        impl IntoPromptOutput for $type {
            fn into_prompt_output(self) -> Result<PromptOutput, HandlerError> {
                let convert: fn($type) -> PromptOutput = $convert;
                Ok(convert(self))
            }
        }
    )*};
}

into_output! {
    &str, |text| of_messages(vec![PromptMessage::user(text)]);
    String, |text| of_messages(vec![PromptMessage::user(text)]);
    Content, |content| of_messages(vec![PromptMessage::user(content)]);
    PromptMessage, |message| of_messages(vec![message]);
    Vec<PromptMessage>, of_messages;
    GetPromptResult, |result| PromptOutput::Result(Box::new(result));
    PromptOutput, |output| output;
}

fn of_messages(messages: Vec<PromptMessage>) -> PromptOutput {
    PromptOutput::Result(Box::new(GetPromptResult { messages, ..GetPromptResult::default() }))
}

impl<T: IntoPromptOutput, E: Into<HandlerError>> IntoPromptOutput for Result<T, E> {
    fn into_prompt_output(self) -> Result<PromptOutput, HandlerError> {
        self.map_err(Into::into)?.into_prompt_output()
    }
}

impl PromptOutput {
    /// The result as JSON, with the description of the prompt if it has none of its own.
    pub(super) fn into_json(self, description: Option<&String>) -> Result<RawJson, ErrorObject> {
        match self {
            Self::Json(json) => Ok(json),
            Self::Result(mut result) => {
                if result.description.is_none() {
                    result.description = description.cloned();
                }
                RawJson::of(&*result)
                    .map_err(|error| ErrorObject::internal(format!("the prompt has no JSON: {error}")))
            }
        }
    }
}
