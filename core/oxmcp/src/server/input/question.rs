use oxmcp_proto::jsonrpc::{RawJson, write_json_string};
use oxmcp_proto::model::ClientCapabilities;
use oxmcp_proto::{Method, ProtocolVersion};

use super::{InputError, InputErrorKind};
use crate::Context;

/// One thing that a client is asked, as it goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) params: RawJson,
    pub(super) manner: Manner,
}

/// How a client is asked, whatever it is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manner {
    /// The key of the question, if the handler gives it one.
    pub(super) key: Option<String>,
    /// Whether an answer under the key is taken that comes before it was asked for.
    pub(super) unasked: bool,
}

impl Question {
    pub(super) fn new(
        method: Method,
        params: &impl serde::Serialize,
        manner: Manner,
    ) -> Result<Self, InputError> {
        let params = RawJson::of(params).map_err(|error| {
            InputError::fault(InputErrorKind::Misuse, format!("a question has no JSON: {error}"))
        })?;
        Ok(Self { method, params, manner })
    }

    /// What its key begins with when the handler gives it none.
    pub(super) fn kind(&self) -> &'static str {
        match self.method {
            Method::CreateMessage => "sampling",
            Method::ListRoots => "roots",
            _ => "elicitation",
        }
    }
}

/// What a client must have declared to be asked something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Form,
    Url,
    Sampling,
    SamplingTools,
    SamplingContext,
    Roots,
}

impl Need {
    /// Refuses what the client of a context cannot be asked. `since` is the first revision that has it.
    pub(super) fn check(
        self,
        context: &Context,
        what: &str,
        since: ProtocolVersion,
    ) -> Result<(), InputError> {
        let version = context.protocol_version();
        if version < since {
            return Err(InputError::new(
                InputErrorKind::Unsupported,
                format!("{what}, which revision {version} does not have"),
            ));
        }
        let declared =
            context.client_capabilities_json().and_then(|json| json.to::<ClientCapabilities>().ok());
        if declared.is_some_and(|declared| declared.declares(self.path())) {
            return Ok(());
        }
        Err(InputError::undeclared(version.era(), what, self.capabilities()))
    }

    fn path(self) -> &'static [&'static str] {
        match self {
            Self::Form => &["elicitation", "form"],
            Self::Url => &["elicitation", "url"],
            Self::Sampling => &["sampling"],
            Self::SamplingTools => &["sampling", "tools"],
            Self::SamplingContext => &["sampling", "context"],
            Self::Roots => &["roots"],
        }
    }

    /// The capabilities that would do, as JSON.
    fn capabilities(self) -> RawJson {
        let mut json = String::new();
        for name in self.path() {
            json.push_str(&format!("{{\"{name}\":"));
        }
        json.push_str("{}");
        json.extend(std::iter::repeat_n('}', self.path().len()));
        RawJson::from_written(json)
    }
}

/// Writes the object `inputRequests` of questions: the key, the method and the parameters of each.
pub(in crate::server) fn write_input_requests<'a>(
    questions: impl Iterator<Item = (&'a str, Method, &'a RawJson)>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (at, (key, method, params)) in questions.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json_string(key, out);
        out.extend_from_slice(br#":{"method":"#);
        write_json_string(method.name(), out);
        out.extend_from_slice(br#","params":"#);
        out.extend_from_slice(params.as_bytes());
        out.push(b'}');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_do_does() {
        for need in
            [Need::Form, Need::Url, Need::Sampling, Need::SamplingTools, Need::SamplingContext, Need::Roots]
        {
            let would_do: ClientCapabilities = need.capabilities().to().unwrap();
            assert!(would_do.declares(need.path()), "{need:?}");
            assert!(!ClientCapabilities::default().declares(need.path()), "{need:?}");
        }
    }
}
