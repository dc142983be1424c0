use oxmcp_bridge::{Error, ErrorKind};

/// An exception whose `code` is the name of an [`ErrorKind`] variant, which the TypeScript layer turns into that
/// kind's class.
pub(crate) type Exception = napi::Error<String>;

/// The exception that stands for an error of the core.
pub(crate) fn exception(error: &Error) -> Exception {
    Exception::new(format!("{:?}", error.kind()), error.message())
}

/// The exception for a handle that was closed and dropped.
pub(crate) fn dropped(noun: &str) -> Exception {
    exception(&Error::new(ErrorKind::Misuse, format!("this {noun} was closed")))
}
