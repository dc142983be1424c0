use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a user's code. A panic in it is logged and stays there.
pub(crate) fn guard(code: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(code)) {
        tracing::error!(panic = panic_words(&*panic), "a callback panicked");
    }
}

/// What a panic says.
pub(crate) fn panic_words(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<&str>().copied();
    words.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
