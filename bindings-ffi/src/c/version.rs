use std::ffi::c_char;

/// The version of this library, "0.1.0" for example. It lives forever.
#[unsafe(no_mangle)]
pub extern "C" fn oxmcp_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
