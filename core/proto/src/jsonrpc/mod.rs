//! JSON-RPC 2.0 as MCP uses it: no `null` ids in requests, batches only where a revision has them.

mod codec;
mod depth;
mod envelope;
mod error;
mod id;
mod key;
mod member;
mod message;
mod raw;
mod raw_object;
mod scan;
mod strings;
mod text;
mod toplevel;
mod tree;

pub use codec::{
    parse, parse_frugally, write_error, write_notification, write_request, write_result, write_result_head,
};
pub use depth::exceeds_depth;
pub use error::{ErrorObject, codes};
pub use id::RequestId;
pub(crate) use key::Key;
pub use message::{InvalidMessage, Message, MethodName, Notification, Request, Response};
pub use raw::{RawJson, write_on_one_line};
pub use raw_object::RawObject;
pub use strings::replace_strings;
pub use text::{is_plain_text, write_json_string, write_name};
pub use toplevel::TopLevelId;
