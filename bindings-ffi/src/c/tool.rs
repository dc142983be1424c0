use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::call::oxmcp_call;

/// Handles the calls of a tool, on a thread that is in oxmcp_server_run or oxmcp_server_poll. `call` lives until this
/// returns, unless oxmcp_call_keep keeps it.
///
/// It answers with one of the oxmcp_call_respond_... functions, now, or later from any thread when it kept the call.
/// When it does neither, the caller is told that the tool failed. It must return normally: no longjmp, no C++
/// exception.
pub type oxmcp_tool_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, call: *mut oxmcp_call)>;

/// Frees the userdata of a tool.
pub type oxmcp_free_fn = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// A tool's handler and its userdata.
#[derive(Debug)]
pub(super) struct Tool {
    handler: unsafe extern "C" fn(*mut c_void, *mut oxmcp_call),
    userdata: *mut c_void,
    release: oxmcp_free_fn,
}

// SAFETY: by the contract of `oxmcp_server_add_tool`, handler and release may be called on any thread that runs the
// server or removes the tool.
unsafe impl Send for Tool {}
// SAFETY: as for `Send`; several threads may run the server at once, which its contract says too.
unsafe impl Sync for Tool {}

impl Tool {
    /// A tool from what `oxmcp_server_add_tool` was given.
    pub(super) fn new(
        handler: unsafe extern "C" fn(*mut c_void, *mut oxmcp_call),
        userdata: *mut c_void,
        release: oxmcp_free_fn,
    ) -> Self {
        Self { handler, userdata, release }
    }

    /// Handles a call.
    pub(super) fn handle(&self, call: &oxmcp_call) {
        // SAFETY: the program gave this handler for this use; the caller holds the call while it runs.
        unsafe { (self.handler)(self.userdata, std::ptr::from_ref(call).cast_mut()) };
    }

    /// Forgets the userdata without freeing it: it stays the program's.
    pub(super) fn give_back(mut self) {
        self.release = None;
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the program gave this function for this use, once.
            unsafe { release(self.userdata) };
        }
    }
}

/// The tools of a server, by name and by the number their calls carry.
///
/// A tool that replaces one of the same name takes over its number, so calls on their way go to the new one.
#[derive(Debug, Default)]
pub(super) struct Tools {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    numbers: HashMap<String, u64>,
    tools: HashMap<u64, Arc<Tool>>,
    next: u64,
}

impl Tools {
    /// The tool with a number.
    pub(super) fn find(&self, number: u64) -> Option<Arc<Tool>> {
        self.lock().tools.get(&number).cloned()
    }

    /// Adds a tool once `announce` has told the bridge of its number. When that fails the tool comes back.
    pub(super) fn add<E>(
        &self,
        name: String,
        tool: Tool,
        announce: impl FnOnce(u64) -> Result<(), E>,
    ) -> Result<(), (E, Tool)> {
        let mut inner = self.lock();
        let number = inner.numbers.get(&name).copied().unwrap_or(inner.next);
        // Calls may come as soon as it is announced; they are looked up under the lock that is held here.
        if let Err(error) = announce(number) {
            return Err((error, tool));
        }
        inner.next = inner.next.max(number + 1);
        inner.numbers.insert(name, number);
        let replaced = inner.tools.insert(number, Arc::new(tool));
        drop(inner);
        drop(replaced);
        Ok(())
    }

    /// Removes a tool.
    pub(super) fn remove(&self, name: &str) {
        let mut inner = self.lock();
        let removed = inner.numbers.remove(name).and_then(|number| inner.tools.remove(&number));
        drop(inner);
        drop(removed);
    }

    /// Removes every tool.
    pub(super) fn clear(&self) {
        let removed = std::mem::take(&mut *self.lock());
        drop(removed);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn ignore(_: *mut c_void, _: *mut oxmcp_call) {}

    unsafe extern "C" fn count(userdata: *mut c_void) {
        // SAFETY: the tests give a counter that outlives the tools.
        unsafe { *userdata.cast::<u32>() += 1 };
    }

    #[test]
    fn a_replaced_tool_keeps_its_number_and_is_freed() {
        let mut freed = 0_u32;
        let userdata = (&raw mut freed).cast();
        let tools = Tools::default();
        let mut numbers = Vec::new();
        for name in ["a", "b", "a"] {
            let tool = Tool::new(ignore, userdata, Some(count));
            let announce = |number| {
                numbers.push(number);
                Ok::<(), ()>(())
            };
            assert!(tools.add(name.to_owned(), tool, announce).is_ok());
        }
        assert_eq!(numbers, [0, 1, 0]);
        assert_eq!(freed, 1);
        tools.remove("b");
        assert!(tools.find(1).is_none());
        tools.clear();
        assert_eq!(freed, 3);
    }

    #[test]
    fn the_userdata_of_a_tool_that_was_refused_stays_the_programs() {
        let mut freed = 0_u32;
        let tools = Tools::default();
        let tool = Tool::new(ignore, (&raw mut freed).cast(), Some(count));
        let Err(((), tool)) = tools.add("a".to_owned(), tool, |_| Err(())) else {
            panic!("it was refused");
        };
        tool.give_back();
        assert_eq!(freed, 0);
        assert!(tools.find(0).is_none());
    }
}
