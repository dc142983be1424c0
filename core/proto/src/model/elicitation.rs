use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Extra, TaskMetadata};

mod schema;

pub use schema::{
    BooleanSchema, EnumItems, EnumOption, LegacyTitledEnumSchema, NumberSchema, ObjectType,
    PrimitiveSchemaDefinition, RequestedSchema, StringFormat, StringSchema, StringType, TitledEnumItems,
    TitledMultiSelectEnumSchema, TitledSingleSelectEnumSchema, UntitledMultiSelectEnumSchema,
    UntitledSingleSelectEnumSchema,
};

/// `elicitation/create` (2025-06-18 on; from 2026-07-28 on an input request).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ElicitParams {
    /// The user fills in a form.
    Form(ElicitFormParams),
    /// The user visits a page (2025-11-25 on).
    Url(ElicitUrlParams),
}

impl<'de> Deserialize<'de> for ElicitParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let params = Value::deserialize(deserializer)?;
        match params.get("mode") {
            None | Some(Value::Null) => ElicitFormParams::deserialize(params).map(Self::Form),
            Some(Value::String(mode)) if mode == "form" => {
                ElicitFormParams::deserialize(params).map(Self::Form)
            }
            Some(Value::String(mode)) if mode == "url" => ElicitUrlParams::deserialize(params).map(Self::Url),
            Some(mode) => return Err(D::Error::custom(format_args!("unknown elicitation mode {mode}"))),
        }
        .map_err(D::Error::custom)
    }
}

/// Asks the user to fill in a form. It must not ask for secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitFormParams {
    /// `form`, which is also what its absence means (2025-11-25 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FormMode>,
    /// What is asked and why, for the user.
    pub message: String,
    /// The form.
    pub requested_schema: RequestedSchema,
    /// That it is to be a task (2025-11-25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskMetadata>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ElicitFormParams {
    /// A form and why it is to be filled in.
    pub fn new(message: impl Into<String>, requested_schema: RequestedSchema) -> Self {
        Self { message: message.into(), requested_schema, ..Self::default() }
    }
}

/// The mode of a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormMode {
    /// `form`
    #[default]
    Form,
}

/// Asks the user to visit a page, for what must not go through the client (2025-11-25 on).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitUrlParams {
    /// `url`
    #[serde(default)]
    pub mode: UrlMode,
    /// Why to visit it, for the user.
    pub message: String,
    /// The page.
    pub url: String,
    /// What `notifications/elicitation/complete` calls it (2025-11-25, where it is needed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elicitation_id: Option<String>,
    /// That it is to be a task (2025-11-25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskMetadata>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ElicitUrlParams {
    /// A page and why to visit it.
    pub fn new(message: impl Into<String>, url: impl Into<String>) -> Self {
        Self { message: message.into(), url: url.into(), ..Self::default() }
    }
}

/// The mode of a page to visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlMode {
    /// `url`
    #[default]
    Url,
}

/// The answer to `elicitation/create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitResult {
    /// What the user did.
    pub action: ElicitAction,
    /// What the user filled in: strings, numbers, booleans and arrays of strings. Only with [`Accept`](ElicitAction::Accept), and not for a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Extra>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a user did with a question. Another word than these three is refused, so that nothing is taken for consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElicitAction {
    /// Answered it, or agreed.
    Accept,
    /// Refused.
    Decline,
    /// Went away without a choice.
    Cancel,
}

impl ElicitResult {
    /// The user filled in the form: the names of its fields, with their values.
    ///
    /// ```
    /// use oxmcp_proto::model::ElicitResult;
    /// use serde_json::json;
    ///
    /// let agreed = ElicitResult::accept([("confirm", true)]);
    /// let ordered = ElicitResult::accept([("size", json!("large")), ("pieces", json!(2))]);
    /// assert_eq!(ordered.content.unwrap()["pieces"], 2);
    /// ```
    pub fn accept<N: Into<String>, V: Into<Value>>(content: impl IntoIterator<Item = (N, V)>) -> Self {
        let content = content.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { content: Some(content), ..Self::of(ElicitAction::Accept) }
    }

    /// The user did something, and there is nothing to tell beside.
    pub fn of(action: ElicitAction) -> Self {
        Self { action, content: None, meta: None, extra: Extra::new() }
    }
}

/// `notifications/elicitation/complete` (2025-11-25): what was to be done on a page is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitationCompleteParams {
    /// The elicitation.
    pub elicitation_id: String,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The data of a `URLElicitationRequired` error (2025-11-25, `-32042`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UrlElicitationRequiredData {
    /// The pages to visit before the request can go on.
    pub elicitations: Vec<ElicitUrlParams>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}
