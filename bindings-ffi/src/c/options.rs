//! Option structs that may grow: their first member is the size the caller compiled with.

use std::mem::{MaybeUninit, size_of};
use std::time::Duration;

use super::error::oxmcp_error;

/// An option struct.
///
/// # Safety
///
/// The type is `repr(C)`, its first member is a `usize`, and all its members are valid when every byte is zero.
pub(super) unsafe trait Options: Copy {
    /// Its name in C.
    const NAME: &'static str;
}

/// Reads an option struct of any age: members that the caller does not know yet are zero, and members that this
/// library does not know yet have to be.
///
/// # Safety
///
/// `pointer` is NULL or points to as many readable bytes as the `usize` there says.
pub(super) unsafe fn read_options<T: Options>(pointer: *const T) -> Result<Option<T>, oxmcp_error> {
    let name = T::NAME;
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so at least the size is there.
    let size = unsafe { pointer.cast::<usize>().read() };
    if size < size_of::<usize>() {
        return Err(oxmcp_error::misuse(format!("{name}.size is {size}: set it to sizeof({name})")));
    }
    // SAFETY: the caller promises `size` readable bytes.
    let given = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), size) };
    let known = size.min(size_of::<T>());
    if given[known..].iter().any(|byte| *byte != 0) {
        return Err(oxmcp_error::misuse(format!(
            "{name} has options that this version of the library does not know: its size is {size}, not {known}"
        )));
    }
    let mut options = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes fit in both, every member is valid when zero, and the caller wrote the others as `T`s.
    unsafe {
        options.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(given.as_ptr(), known);
        Ok(Some(options.assume_init()))
    }
}

/// A number of milliseconds, where 0 stands for the default.
pub(super) fn milliseconds(count: u64) -> Option<Duration> {
    (count > 0).then(|| Duration::from_millis(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Newer {
        size: usize,
        first: u32,
        second: u32,
        third: u64,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    struct Known {
        size: usize,
        first: u32,
        second: u32,
    }

    // SAFETY: `repr(C)`, size first, integers only.
    unsafe impl Options for Known {
        const NAME: &'static str = "oxmcp_known";
    }

    fn read(newer: &Newer) -> Result<Option<Known>, oxmcp_error> {
        // SAFETY: no test says a size of more than `Newer` has.
        unsafe { read_options(std::ptr::from_ref(newer).cast::<Known>()) }
    }

    #[test]
    fn members_an_older_caller_lacks_are_zero() {
        let older = Newer { size: size_of::<usize>() + 4, first: 7, second: 9, third: 0 };
        let known = read(&older).expect("an older struct is fine").expect("it is not NULL");
        assert_eq!((known.first, known.second), (7, 0));
    }

    #[test]
    fn unknown_members_of_a_newer_caller_may_only_be_zero() {
        let mut newer = Newer { size: size_of::<Newer>(), first: 1, second: 2, third: 0 };
        assert_eq!(read(&newer).expect("unset").expect("it is not NULL").second, 2);
        newer.third = 1;
        assert!(read(&newer).is_err());
    }

    #[test]
    fn a_forgotten_size_is_told() {
        let error = read(&Newer { size: 0, first: 0, second: 0, third: 0 }).expect_err("a size of 0");
        assert!(error.message().contains("sizeof(oxmcp_known)"), "{}", error.message());
    }

    #[test]
    fn null_is_none() {
        // SAFETY: NULL is allowed.
        assert!(unsafe { read_options::<Known>(std::ptr::null()) }.expect("NULL is fine").is_none());
    }
}
