use napi::bindgen_prelude::{Function, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Result, Status, sys};

/// A signal to the JavaScript thread of one Node environment: calls one function, without arguments, on its event
/// loop.
///
/// It is *weak*: waiting for a signal does not keep the process alive unless [`hold`](Self::hold) says so. Signalling
/// an environment that is gone does nothing.
pub(crate) struct Wakeup {
    function: ThreadsafeFunction<(), Unknown<'static>, (), Status, false, true>,
}

impl Wakeup {
    /// Makes the signal that calls `function`.
    pub(crate) fn new(function: &Function<'_, (), Unknown<'static>>) -> Result<Self> {
        let function = function.build_threadsafe_function().weak::<true>().build()?;
        Ok(Self { function })
    }

    /// Signals. May be called from any thread.
    pub(crate) fn signal(&self) {
        self.function.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Keeps the event loop alive, until [`release`](Self::release).
    pub(crate) fn hold(&self, env: &Env) {
        self.with_live(|raw| {
            // SAFETY: `env` is the live environment of this thread, and the handle says that `raw` is not finalized.
            unsafe { sys::napi_ref_threadsafe_function(env.raw(), raw) };
        });
    }

    /// Lets the event loop end.
    pub(crate) fn release(&self, env: &Env) {
        self.with_live(|raw| {
            // SAFETY: as in `hold`.
            unsafe { sys::napi_unref_threadsafe_function(env.raw(), raw) };
        });
    }

    fn with_live(&self, act: impl FnOnce(sys::napi_threadsafe_function)) {
        self.function.handle.with_read_aborted(|aborted| {
            if !aborted {
                act(self.function.raw());
            }
        });
    }
}
