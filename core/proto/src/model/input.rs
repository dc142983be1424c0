//! Questions that a server asks inside of an answer (2026-07-28, multi round-trip requests).

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{CreateMessageParams, ElicitParams, Extra, Members, ResultType};
use crate::jsonrpc::RawJson;
use crate::methods::Method;

/// Questions, by keys that the server made up.
pub type InputRequests = Members<InputRequest>;

/// What the client answers to questions, by their keys. An answer does not say of which kind it is; its question does.
pub type InputResponses = Members<RawJson>;

/// Instead of a result: the request can go on when it is sent again with the answers to some questions. At least one of
/// `inputRequests` and `requestState` is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputRequiredResult {
    /// The questions. If there are none, the client may send the request again at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_requests: Option<InputRequests>,
    /// What the client is to send along, unread and unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<String>,
    /// What kind of result it is; absent means complete (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl InputRequiredResult {
    /// Questions, and what the client is to send along with the answers.
    pub fn new(input_requests: InputRequests, request_state: Option<String>) -> Self {
        Self {
            input_requests: Some(input_requests),
            request_state,
            result_type: Some(ResultType::InputRequired),
            ..Self::default()
        }
    }
}

/// A question: a request without an id.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRequest {
    /// What is asked for; the method goes with it.
    pub params: InputParams,
    /// Other members.
    pub extra: Extra,
}

/// What is asked for, by the method that asks for it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputParams {
    /// `elicitation/create`
    Elicit(Box<ElicitParams>),
    /// `sampling/createMessage` (deprecated)
    CreateMessage(Box<CreateMessageParams>),
    /// `roots/list` (deprecated)
    ListRoots(Option<ListRootsParams>),
}

/// `roots/list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListRootsParams {
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl InputRequest {
    /// A question.
    pub fn new(params: InputParams) -> Self {
        Self { params, extra: Extra::new() }
    }

    /// What is asked for.
    pub fn method(&self) -> Method {
        match self.params {
            InputParams::Elicit(_) => Method::Elicit,
            InputParams::CreateMessage(_) => Method::CreateMessage,
            InputParams::ListRoots(_) => Method::ListRoots,
        }
    }
}

impl Serialize for InputRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut request = serializer.serialize_map(None)?;
        request.serialize_entry("method", self.method().name())?;
        match &self.params {
            InputParams::Elicit(params) => request.serialize_entry("params", params)?,
            InputParams::CreateMessage(params) => request.serialize_entry("params", params)?,
            InputParams::ListRoots(Some(params)) => request.serialize_entry("params", params)?,
            InputParams::ListRoots(None) => {}
        }
        for (name, value) in &self.extra {
            request.serialize_entry(name, value)?;
        }
        request.end()
    }
}

impl<'de> Deserialize<'de> for InputRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Envelope {
            method: String,
            #[serde(default)]
            params: Value,
            #[serde(flatten)]
            extra: Extra,
        }
        fn read<T: for<'de> Deserialize<'de>, E: serde::de::Error>(
            method: &str,
            params: Value,
        ) -> Result<T, E> {
            T::deserialize(params).map_err(|error| E::custom(format_args!("the params of {method}: {error}")))
        }
        let Envelope { method, params, extra } = Envelope::deserialize(deserializer)?;
        let params = match Method::from_name(&method) {
            Some(Method::Elicit) => InputParams::Elicit(read(&method, params)?),
            Some(Method::CreateMessage) => InputParams::CreateMessage(read(&method, params)?),
            Some(Method::ListRoots) => InputParams::ListRoots(read(&method, params)?),
            _ => return Err(D::Error::custom(format_args!("{method} is no input request"))),
        };
        Ok(Self { params, extra })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn questions_of_each_kind_survive_a_round_trip() {
        let result = json!({
            "resultType": "input_required",
            "requestState": "opaque",
            "inputRequests": {
                "who": {"method": "elicitation/create", "params": {
                    "message": "Who are you?", "mode": "form",
                    "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}},
                "capital": {"method": "sampling/createMessage", "params": {"maxTokens": 9, "tools": [
                    {"name": "t", "inputSchema": {"type": "object"}}],
                    "messages": [{"role": "user", "content": {"type": "text", "text": "Of France?"}}]}},
                "where": {"method": "roots/list"},
                "there": {"method": "roots/list", "params": {"_meta": {"a": 1}}},
            },
        });
        let read: InputRequiredResult = serde_json::from_value(result.clone()).unwrap();
        let methods: Vec<_> =
            read.input_requests.iter().flat_map(|all| all.iter()).map(|(_, one)| one.method()).collect();
        assert!(methods.iter().all(|method| method.is_input_request_in(crate::ProtocolVersion::V2026_07_28)));
        assert_eq!(serde_json::to_value(&read).unwrap(), result);
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<InputRequiredResult>(&text).unwrap(), read);
    }

    #[test]
    fn what_is_no_input_request_is_refused() {
        for request in [
            json!({"method": "tools/call", "params": {"name": "rm"}}),
            json!({"method": "elicitation/create"}),
        ] {
            assert!(serde_json::from_value::<InputRequest>(request).is_err());
        }
    }
}
