//! Where a panic ends: none may leave the library, whose callers could not go on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; a panic in it ends here and gives `otherwise`.
pub(crate) fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Runs `body`; a panic in it ends here and gives a message that says what it said.
pub(crate) fn attempt<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| message(&*panic))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    format!("oxmcp panicked, which is a fault of the library: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_gives_the_other_value() {
        assert_eq!(guard(7, || panic!("gone")), 7);
        assert_eq!(guard(7, || 8), 8);
    }

    #[test]
    fn a_panic_says_why() {
        assert_eq!(attempt(|| 8), Ok(8));
        let message = attempt(|| panic!("lost {}", "it")).expect_err("it panicked");
        assert!(message.ends_with("lost it"), "{message}");
    }
}
