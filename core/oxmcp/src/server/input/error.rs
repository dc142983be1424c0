use std::error::Error as StdError;
use std::fmt;

use oxmcp_proto::Era;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, codes};
use oxmcp_proto::link::CallError;

use crate::Error;

/// Why there is no input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InputErrorKind {
    /// The client did not declare that it can be asked this, or the revision does not have it.
    Unsupported,
    /// The user said no.
    Declined,
    /// The user went away without a choice.
    Cancelled,
    /// The user has to visit a page first ([`Context::require_visit`](crate::Context::require_visit)).
    UrlRequired,
    /// The client answered with an error.
    Refused,
    /// The client's answer is not what the spec, or the form, says it is.
    Invalid,
    /// The client did not answer in time.
    Timeout,
    /// Nothing leads to the client any more.
    Closed,
    /// The request asks more than [`Limits`](crate::Limits) allows.
    TooMuch,
    /// The handler erred: a form that no client could show, a key that was used before.
    Misuse,
}

/// There is no input. What comes after it must not run, so handlers pass it on with `?`; it becomes the error that the revision has for
/// it.
///
/// ```
/// use oxmcp::Context;
/// use oxmcp::server::ToolError;
///
/// async fn delete(context: Context) -> Result<String, ToolError> {
///     context.confirm("Delete everything?").await?;
///     // Nobody who said no, could not be asked, or did not answer comes here.
///     Ok("deleted".to_owned())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct InputError {
    kind: InputErrorKind,
    message: String,
    /// The error of the whole request, where it is one and not only the handler's.
    rpc: Option<Box<ErrorObject>>,
}

impl InputError {
    pub(super) fn new(kind: InputErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), rpc: None }
    }

    /// The request as such fails.
    pub(super) fn of_request(kind: InputErrorKind, error: ErrorObject) -> Self {
        Self { kind, message: error.message.clone(), rpc: Some(Box::new(error)) }
    }

    /// The client did not declare a capability, given as JSON (2026-07-28, `MissingRequiredClientCapabilityError`).
    pub(super) fn undeclared(era: Era, what: &str, required: RawJson) -> Self {
        let message =
            format!("{what}, which needs a capability that the client did not declare: {required:?}");
        let rpc = (era == Era::Stateless).then(|| {
            let data = format!(r#"{{"requiredCapabilities":{}}}"#, required.as_str());
            let error = ErrorObject::new(codes::MISSING_REQUIRED_CLIENT_CAPABILITY, message.clone());
            Box::new(error.with_data(RawJson::from_written(data)))
        });
        Self { kind: InputErrorKind::Unsupported, message, rpc }
    }

    /// The client's answer is wrong. In the stateless era it came as a parameter of the request.
    pub(super) fn invalid(era: Era, why: impl fmt::Display) -> Self {
        let message = format!("the client's answer is invalid: {why}");
        let rpc = (era == Era::Stateless).then(|| Box::new(ErrorObject::invalid_params(message.clone())));
        Self { kind: InputErrorKind::Invalid, message, rpc }
    }

    /// The server's own fault.
    pub(super) fn fault(kind: InputErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        tracing::error!("a handler cannot ask its client: {message}");
        let rpc = Some(Box::new(ErrorObject::internal(message.clone())));
        Self { kind, message, rpc }
    }

    /// What went wrong.
    pub fn kind(&self) -> InputErrorKind {
        self.kind
    }

    /// The JSON-RPC error that the whole request gets; without one, a tool's result says that it failed.
    pub fn rpc(&self) -> Option<&ErrorObject> {
        self.rpc.as_deref()
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for InputError {}

impl From<CallError> for InputError {
    fn from(error: CallError) -> Self {
        let kind = match &error {
            CallError::Rpc(_) => InputErrorKind::Refused,
            CallError::Silent { .. } | CallError::TimeoutInAll { .. } => InputErrorKind::Timeout,
            CallError::Cancelled
            | CallError::Closed(_)
            | CallError::Unsent(_)
            | CallError::Refused { .. } => InputErrorKind::Closed,
            CallError::TooLarge { .. } | CallError::Invalid(_) => InputErrorKind::Invalid,
            CallError::Overloaded => InputErrorKind::TooMuch,
        };
        let message = match error {
            CallError::Rpc(error) => format!("the client refused: {error}"),
            error => format!("the client was asked in vain: {error}"),
        };
        Self::new(kind, message)
    }
}

/// For handlers whose failure is a JSON-RPC error.
impl From<InputError> for ErrorObject {
    fn from(error: InputError) -> Self {
        error.rpc.map_or_else(|| Self::internal(error.message), |rpc| *rpc)
    }
}

/// The error of the whole request that an error comes from, if it comes from one.
pub(in crate::server) fn rpc_of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ErrorObject> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(input) = error.downcast_ref::<InputError>() {
            return input.rpc();
        }
        cause = match error.downcast_ref::<Error>() {
            Some(error) => error.origin().map(|origin| origin as _),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_error_of_a_request_is_found_however_deep_it_lies() {
        let input = InputError::invalid(Era::Stateless, "it is no name");
        let rpc = input.rpc().cloned();
        assert!(rpc.is_some());
        let outer = Error::new(ErrorKind::Internal, "no order").with_source(input);
        assert_eq!(rpc_of(&outer), rpc.as_ref());
        let outermost = Error::misuse("nothing to do").with_source(outer);
        assert_eq!(rpc_of(&outermost), rpc.as_ref());
    }
}
