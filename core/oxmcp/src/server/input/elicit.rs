use std::fmt;

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{
    BooleanSchema, ElicitAction, ElicitFormParams, ElicitResult, ElicitUrlParams, Extra, FormMode, Members,
    PrimitiveSchemaDefinition, RequestedSchema,
};
use oxmcp_proto::{Method, ProtocolVersion};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ask::ask;
use super::declared::OptionalElicit;
use super::form::{form_of, in_revision};
use super::page::{Page, Visiting};
use super::question::{Manner, Need, Question};
use super::{InputError, InputErrorKind};
use crate::Context;
use crate::schema::Schema;

/// A question to the user of a client: a form to fill in, or a page to visit (2026-07-28, elicitation). `T` is what an answer is.
///
/// A form must not ask for passwords, keys and other secrets; a page of the server's own is the place for them.
#[derive(Clone)]
pub struct Elicit<T> {
    message: String,
    what: What,
    manner: Manner,
    read: fn(Extra) -> Result<Elicited<T>, String>,
}

#[derive(Clone, Debug)]
enum What {
    Form(Result<RequestedSchema, String>),
    Page(Page),
}

/// What a user did with a question.
///
/// ```
/// # use oxmcp::Context;
/// # use oxmcp::server::{Elicited, ToolError};
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Name { name: String }
/// # async fn tool(context: Context) -> Result<String, ToolError> {
/// match context.elicit::<Name>("What is your name?").await? {
///     Elicited::Accepted(Name { name }) => Ok(format!("Hello, {name}!")),
///     Elicited::Declined => Ok("Hello, whoever you are!".to_owned()),
///     Elicited::Cancelled => Ok("Hello? Is anybody there?".to_owned()),
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the user may have said no"]
pub enum Elicited<T> {
    /// Answered it, or agreed.
    Accepted(T),
    /// Said no.
    Declined,
    /// Went away without a choice.
    Cancelled,
}

impl<T> Elicited<T> {
    /// The answer; what is no answer is an error, so that `?` ends the handler.
    pub fn accepted(self) -> Result<T, InputError> {
        match self {
            Self::Accepted(answer) => Ok(answer),
            Self::Declined => Err(InputError::new(InputErrorKind::Declined, "the user declined")),
            Self::Cancelled => {
                Err(InputError::new(InputErrorKind::Cancelled, "the user dismissed the question"))
            }
        }
    }
}

/// The user said yes to [`Elicit::confirm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed;

impl<T: JsonSchema + DeserializeOwned> Elicit<T> {
    /// A form whose fields are those of a struct: strings, numbers, booleans, enums of unit variants and lists of such enums. A field that
    /// is an `Option`, or has a default, may be left empty. `message` says what is asked and why.
    ///
    /// ```
    /// use oxmcp::Context;
    /// use oxmcp::server::{Elicit, ToolError};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Contact {
    ///     /// Your full name
    ///     name: String,
    ///     #[schemars(email)]
    ///     email: Option<String>,
    /// }
    ///
    /// async fn subscribe(context: Context) -> Result<String, ToolError> {
    ///     let contact = context.elicit(Elicit::<Contact>::form("Who are you?")).await?.accepted()?;
    ///     Ok(format!("{} is subscribed", contact.name))
    /// }
    /// ```
    pub fn form(message: impl Into<String>) -> Self {
        Self::new(message, What::Form(form_of::<T>()), |content| {
            T::deserialize(Value::Object(content)).map(Elicited::Accepted).map_err(|error| error.to_string())
        })
    }
}

impl Elicit<Extra> {
    /// A form that is not known when the program is written; the answer is its fields as JSON.
    pub fn fields(message: impl Into<String>, form: RequestedSchema) -> Self {
        Self::new(message, What::Form(Ok(form)), |content| Ok(Elicited::Accepted(content)))
    }
}

impl Elicit<Confirmed> {
    /// A question whose answer is yes or no. Who does not say yes says no.
    pub fn confirm(message: impl Into<String>) -> Self {
        let yes = BooleanSchema { title: Some("Yes".to_owned()), ..BooleanSchema::default() };
        let form = RequestedSchema {
            properties: Members::from_iter([(CONFIRM, PrimitiveSchemaDefinition::Boolean(yes))]),
            required: Some(vec![CONFIRM.to_owned()]),
            ..RequestedSchema::default()
        };
        Self::new(message, What::Form(Ok(form)), |content| {
            Ok(match content.get(CONFIRM) {
                Some(Value::Bool(true)) => Elicited::Accepted(Confirmed),
                _ => Elicited::Declined,
            })
        })
    }
}

/// The field of [`Elicit::confirm`].
const CONFIRM: &str = "confirm";

impl Elicit<Visiting> {
    /// A page to visit, for what must not go through the client, such as passwords and payments (2025-11-25 on). The URL must not let
    /// anybody in by itself, and the page has to make sure that its visitor is the user who was asked.
    ///
    /// The answer says that the user agrees to visit it. Wait for what is done there by asking your own store; in a session,
    /// [`Context::elicitation_complete`] then tells the client.
    pub fn url(message: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(message, What::Page(Page { url: url.into(), id: None }), |_| {
            Ok(Elicited::Accepted(Visiting))
        })
    }

    /// What [`Context::elicitation_complete`] will call it. Default: a random UUID. Only revision 2025-11-25 sends it.
    pub fn elicitation_id(mut self, elicitation_id: impl Into<String>) -> Self {
        if let What::Page(page) = &mut self.what {
            page.id = Some(elicitation_id.into());
        }
        self
    }

    /// The question as the client's revision has it, if the client can be asked.
    pub(super) fn into_page(self, context: &Context) -> Result<ElicitUrlParams, InputError> {
        match self.what {
            What::Page(page) => page.params(context, self.message),
            What::Form(_) => Err(InputError::fault(InputErrorKind::Misuse, "a form is no page to visit")),
        }
    }
}

impl<T> Elicit<T> {
    fn new(message: impl Into<String>, what: What, read: fn(Extra) -> Result<Elicited<T>, String>) -> Self {
        Self { message: message.into(), what, manner: Manner::default(), read }
    }

    /// Names the question on the wire of the stateless era. The names of a request's questions must differ. Default: one made of what is
    /// asked.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.manner.key = Some(key.into());
        self
    }

    /// Takes an answer under the question's [`key`](Self::key) also from a client that was not asked yet (stateless era). Such an answer may be to
    /// another question, so this is for input that does no harm, and never for consent. Default: the client is asked.
    pub fn accept_unasked(mut self) -> Self {
        self.manner.unasked = true;
        self
    }

    /// For [`ask`](super::ask()): runs the handler also when the user says no, and tells it so.
    pub fn optional(self) -> OptionalElicit<T> {
        OptionalElicit(self)
    }

    async fn ask(self, context: &Context) -> Result<Elicited<T>, InputError> {
        let version = context.protocol_version();
        let (question, form) = match self.what {
            What::Form(form) => {
                Need::Form.check(context, "the user is to fill in a form", ProtocolVersion::V2025_06_18)?;
                let misuse = |why| {
                    InputError::fault(InputErrorKind::Misuse, format!("no client can show the form: {why}"))
                };
                let unsupported = |why| {
                    InputError::new(
                        InputErrorKind::Unsupported,
                        format!("the client cannot show the form: {why}"),
                    )
                };
                let form = in_revision(&form.map_err(misuse)?, version).map_err(unsupported)?;
                let schema = serde_json::to_value(&form).map_err(|error| misuse(error.to_string()))?;
                let schema = Schema::compile(&schema).map_err(misuse)?;
                let has_modes = version >= ProtocolVersion::V2025_11_25;
                let params = ElicitFormParams {
                    mode: has_modes.then_some(FormMode::Form),
                    ..ElicitFormParams::new(self.message, form)
                };
                (Question::new(Method::Elicit, &params, self.manner)?, Some(schema))
            }
            What::Page(page) => {
                let params = page.params(context, self.message)?;
                (Question::new(Method::Elicit, &params, self.manner)?, None)
            }
        };
        let answer = ask(context, question).await?;
        read(&answer, form.as_ref(), self.read).map_err(|why| InputError::invalid(version.era(), why))
    }
}

/// What the user did, by the client's answer. Nothing but what is well formed is consent.
fn read<T>(
    answer: &RawJson,
    form: Option<&Schema>,
    read: fn(Extra) -> Result<Elicited<T>, String>,
) -> Result<Elicited<T>, String> {
    let result: ElicitResult =
        answer.to().map_err(|error| format!("it is no result of elicitation/create: {error}"))?;
    match result.action {
        ElicitAction::Accept => {}
        ElicitAction::Decline => return Ok(Elicited::Declined),
        ElicitAction::Cancel => return Ok(Elicited::Cancelled),
    }
    let content = result.content.unwrap_or_default();
    let Some(form) = form else { return read(content) };
    let content = Value::Object(content);
    form.check(&content).map_err(|why| format!("its content breaks the requestedSchema: {why}"))?;
    match content {
        Value::Object(content) => read(content).map_err(|why| format!("its content cannot be read: {why}")),
        _ => Err("its content is no object".to_owned()),
    }
}

impl<T: JsonSchema + DeserializeOwned> From<&str> for Elicit<T> {
    fn from(message: &str) -> Self {
        Self::form(message)
    }
}

impl<T: JsonSchema + DeserializeOwned> From<String> for Elicit<T> {
    fn from(message: String) -> Self {
        Self::form(message)
    }
}

impl<T> fmt::Debug for Elicit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elicit")
            .field("message", &self.message)
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// Asks the user of the client (2026-07-28, elicitation): a message with a type asks for the type's fields as a form, an [`Elicit`] says
    /// more.
    ///
    /// In a session the handler waits here for the answer. In the stateless era it ends here the first time, and runs again from the start
    /// when the client comes back with the answer; what it does before and must not do twice belongs in [`step`](Self::step). Questions that
    /// are asked at once, as with `tokio::join!`, go to the client together.
    ///
    /// # Errors
    ///
    /// When the client cannot be asked, does not answer, or answers what breaks the form; pass it on with `?`.
    pub async fn elicit<T>(&self, question: impl Into<Elicit<T>>) -> Result<Elicited<T>, InputError> {
        question.into().ask(self).await
    }

    /// Asks the user whether to go on. Only a yes is `Ok`, so that nothing after the `?` runs without consent.
    ///
    /// # Errors
    ///
    /// Those of [`elicit`](Self::elicit), and [`Declined`](InputErrorKind::Declined) or [`Cancelled`](InputErrorKind::Cancelled) if the user
    /// does not say yes.
    pub async fn confirm(&self, message: impl Into<String>) -> Result<(), InputError> {
        let Confirmed = Elicit::confirm(message).ask(self).await?.accepted()?;
        Ok(())
    }
}
