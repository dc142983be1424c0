//! What every entry point goes through.

pub(super) use crate::guard::guard;

use crate::guard::attempt;

use super::error::oxmcp_error;
use super::result::oxmcp_result;

/// Runs `body` and says how it went, in the result and, when it failed and `error` is not NULL, in `*error`.
///
/// # Safety
///
/// `error` is NULL or may be written to.
pub(super) unsafe fn report(
    error: *mut *mut oxmcp_error,
    body: impl FnOnce() -> Result<(), oxmcp_error>,
) -> oxmcp_result {
    let outcome = attempt(body).unwrap_or_else(|panic| Err(oxmcp_error::internal(panic)));
    let Err(failure) = outcome else {
        return oxmcp_result::OXMCP_OK;
    };
    let result = failure.kind();
    if !error.is_null() {
        // SAFETY: the caller's promise.
        unsafe { error.write(Box::into_raw(Box::new(failure))) };
    }
    result
}

/// The value behind a pointer that may not be NULL.
///
/// # Safety
///
/// `pointer` is NULL or points to a value that lives for `'a` and is only shared.
pub(super) unsafe fn shared<'a, T>(pointer: *const T, what: &str) -> Result<&'a T, oxmcp_error> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| oxmcp_error::misuse(format!("{what} is NULL")))
}

/// The error for a handle that is used in a forked child.
pub(super) fn made_before_fork(what: &str) -> oxmcp_error {
    oxmcp_error::misuse(format!(
        "{what} was made before fork(), by the parent process: make a new one in this one"
    ))
}

/// A place in the caller's memory that a result goes to, on success only.
#[must_use]
pub(super) struct Output<T>(*mut T);

impl<T> Output<T> {
    /// The place behind a pointer that may not be NULL.
    ///
    /// # Safety
    ///
    /// `pointer` is NULL or may be written to as long as this lives.
    pub(super) unsafe fn required(pointer: *mut T, what: &str) -> Result<Self, oxmcp_error> {
        if pointer.is_null() {
            return Err(oxmcp_error::misuse(format!("{what} is NULL")));
        }
        Ok(Self(pointer))
    }

    /// The place behind a pointer, or nowhere for NULL.
    ///
    /// # Safety
    ///
    /// As for [`required`](Self::required).
    pub(super) unsafe fn optional(pointer: *mut T) -> Self {
        Self(pointer)
    }

    /// Writes the value; nowhere is fine.
    pub(super) fn set(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, so by the promise of whoever made this it may be written to.
            unsafe { self.0.write(value) };
        }
    }
}

impl<T> Output<*mut T> {
    /// Hands the value to the caller, who frees it; it is freed here when the caller does not want it.
    pub(super) fn give(self, value: T) {
        if !self.0.is_null() {
            self.set(Box::into_raw(Box::new(value)));
        }
    }
}

/// Takes back and drops what [`Output::give`] gave. NULL is fine.
///
/// # Safety
///
/// `pointer` is NULL or came from `Box::into_raw` and is not used again.
pub(super) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the caller's promise.
        guard((), || drop(unsafe { Box::from_raw(pointer) }));
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let mut error = ptr::null_mut();
        // SAFETY: `error` may be written to.
        let result = unsafe { report(&mut error, || panic!("lost {}", "it")) };
        assert_eq!(result, oxmcp_result::OXMCP_INTERNAL);
        assert!(!error.is_null());
        // SAFETY: `report` gave it and nobody else has it.
        let error = unsafe { Box::from_raw(error) };
        assert_eq!(error.kind(), oxmcp_result::OXMCP_INTERNAL);
        assert!(error.message().ends_with("lost it"), "{}", error.message());
    }

    #[test]
    fn an_error_is_not_written_on_success() {
        let mut error = ptr::without_provenance_mut(8);
        // SAFETY: `error` may be written to.
        let result = unsafe { report(&mut error, || Ok(())) };
        assert_eq!(result, oxmcp_result::OXMCP_OK);
        assert_eq!(error.addr(), 8);
    }
}
