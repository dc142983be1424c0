use oxmcp_proto::jsonrpc::{RawJson, RawObject, write_name};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::Call;
use crate::{Error, Result};

/// What a server answers when it needs input (2026-07-28, patterns, MRTR, "InputRequiredResult").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InputRequired<'a> {
    #[serde(borrow, default)]
    pub(super) input_requests: Option<RawObject<'a>>,
    /// To be sent back as it is.
    #[serde(borrow, default)]
    request_state: Option<&'a RawValue>,
}

impl<'a> InputRequired<'a> {
    pub(super) fn read(interim: &'a RawJson, method: &str) -> Result<Self> {
        let unreadable = |why: String| {
            Error::protocol(format!("the server needs input for {method}, and says so in a wrong way: {why}"))
        };
        let required: Self = interim.to().map_err(|error| unreadable(error.to_string()))?;
        if required.input_requests.is_none() && required.request_state.is_none() {
            return Err(unreadable("there are neither `inputRequests` nor a `requestState`".to_owned()));
        }
        if required.request_state.is_some_and(|state| !state.get().starts_with('"')) {
            return Err(unreadable("its `requestState` is no string".to_owned()));
        }
        Ok(required)
    }

    /// The parameters of the next request: those of the call, the input, and what the server wants back.
    pub(super) fn params(&self, call: &Call, responses: Option<&Vec<(String, RawJson)>>) -> Result<RawJson> {
        let params: RawObject<'_> = call
            .params
            .to()
            .map_err(|error| Error::misuse("the parameters of a call cannot be read").with_source(error))?;
        let mut out = Vec::with_capacity(call.params.as_bytes().len() + 256);
        out.push(b'{');
        for (name, value) in &params.0 {
            if !matches!(&**name, "inputResponses" | "requestState") {
                write_name(name, &mut out);
                out.extend_from_slice(value.get().as_bytes());
            }
        }
        if let Some(responses) = responses {
            write_name("inputResponses", &mut out);
            out.push(b'{');
            for (key, response) in responses {
                write_name(key, &mut out);
                out.extend_from_slice(response.as_bytes());
            }
            out.push(b'}');
        }
        if let Some(state) = self.request_state {
            write_name("requestState", &mut out);
            out.extend_from_slice(state.get().as_bytes());
        }
        out.push(b'}');
        Ok(RawJson::from_written(out))
    }
}
