use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};

/// What a request comes to.
pub(crate) type Outcome = Result<RawJson, ErrorObject>;

/// The answer to a request.
pub(crate) enum Answer {
    /// Here it is.
    Ready(Outcome),
    /// The request breaks the rules and no handler saw it. Over HTTP the status says so too.
    Refused(ErrorObject),
    /// It comes when the future is done; dropping the future cancels the work. It never panics.
    Later(BoxFuture<'static, Outcome>),
}
