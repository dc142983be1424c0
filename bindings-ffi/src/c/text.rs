use std::ffi::{CStr, c_char};

use super::error::oxmcp_error;

/// Text that somebody else owns: UTF-8, `len` bytes, followed by a NUL that `len` does not count. So `data` is a C
/// string too, cut short only where the text itself holds a NUL. How long it lives is said where it is handed out.
/// No text at all is a NULL `data` with `len` 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct oxmcp_str {
    /// The first byte, or NULL.
    pub data: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

impl oxmcp_str {
    /// No text at all.
    pub(super) const NONE: Self = Self { data: std::ptr::null(), len: 0 };

    /// The text of a buffer that [`terminated`] made.
    pub(super) fn of_terminated(buffer: &[u8]) -> Self {
        match buffer.len().checked_sub(1) {
            Some(len) => Self { data: buffer.as_ptr().cast(), len },
            None => Self::NONE,
        }
    }
}

/// A copy of `text` with a NUL behind it.
pub(super) fn terminated(text: &[u8]) -> Box<[u8]> {
    let mut buffer = Vec::with_capacity(text.len() + 1);
    buffer.extend_from_slice(text);
    buffer.push(0);
    buffer.into()
}

/// The UTF-8 string behind a pointer that may not be NULL.
///
/// # Safety
///
/// `pointer` is NULL or points to a NUL-terminated string that lives and does not change for `'a`.
pub(super) unsafe fn required<'a>(pointer: *const c_char, what: &str) -> Result<&'a str, oxmcp_error> {
    // SAFETY: the caller's promise is ours.
    unsafe { optional(pointer, what) }?.ok_or_else(|| oxmcp_error::misuse(format!("{what} is NULL")))
}

/// The UTF-8 string behind a pointer, or none for NULL.
///
/// # Safety
///
/// As for [`required`].
pub(super) unsafe fn optional<'a>(
    pointer: *const c_char,
    what: &str,
) -> Result<Option<&'a str>, oxmcp_error> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so by the caller's promise a NUL-terminated string.
    let text = unsafe { CStr::from_ptr(pointer) };
    match text.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(oxmcp_error::misuse(format!("{what} is not UTF-8"))),
    }
}

/// The text behind a pointer that may not be NULL; what is not UTF-8 in it is replaced by U+FFFD.
///
/// # Safety
///
/// As for [`required`].
pub(super) unsafe fn lossy(pointer: *const c_char, what: &str) -> Result<String, oxmcp_error> {
    if pointer.is_null() {
        return Err(oxmcp_error::misuse(format!("{what} is NULL")));
    }
    // SAFETY: not NULL, so by the caller's promise a NUL-terminated string.
    Ok(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// The strings of a NULL-terminated array, or none for NULL.
///
/// # Safety
///
/// `pointer` is NULL or points to pointers to NUL-terminated strings, the last of them NULL, that live and do not
/// change for `'a`.
pub(super) unsafe fn list<'a>(
    pointer: *const *const c_char,
    what: &str,
) -> Result<Option<Vec<&'a str>>, oxmcp_error> {
    if pointer.is_null() {
        return Ok(None);
    }
    let mut texts = Vec::new();
    // SAFETY: every step stays within the array, because the loop ends at its NULL.
    while let Some(text) = unsafe { optional(*pointer.add(texts.len()), what) }? {
        texts.push(text);
    }
    Ok(Some(texts))
}
