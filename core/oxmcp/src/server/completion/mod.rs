//! Completion: values that are proposed for the arguments of prompts and the variables of templates.

mod complete;
mod completers;
mod source;

pub use source::{Completer, Completing, CompletionSource, IntoCompletion, IsValues, Proposes};

pub(super) use completers::Completers;
