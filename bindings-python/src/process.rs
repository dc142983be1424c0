use oxmcp_bridge::Process;
use pyo3::prelude::*;

use crate::error::misuse;

/// The process a handle was made in. Threads of the core do not survive `fork`, so a handle is of no use in the child
/// and must not be released there either. The child makes handles of its own.
#[derive(Clone, Copy)]
pub(crate) struct Home(Process);

impl Home {
    pub(crate) fn here() -> Self {
        Self(Process::current())
    }

    pub(crate) fn is_here(self) -> bool {
        self.0 == Process::current()
    }

    /// Raises `MisuseError` in a forked child.
    pub(crate) fn check(self, py: Python<'_>, what: &str) -> PyResult<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(misuse(
            py,
            &format!(
                "this {what} was made before fork(); the child process cannot use it: make a new one there"
            ),
        ))
    }
}
