use std::sync::Arc;

use super::{Completer, CompletionSource};

/// What proposes values for the arguments of a prompt or the variables of a template, by their names.
#[derive(Default)]
pub(in crate::server) struct Completers(Vec<(String, Arc<dyn Completer>)>);

impl Completers {
    /// Adds one, in place of an older one for that argument.
    pub(in crate::server) fn add<M>(&mut self, argument: String, source: impl CompletionSource<M>) {
        self.0.retain(|(known, _)| *known != argument);
        self.0.push((argument, Arc::new(source.into_completer())));
    }

    pub(in crate::server) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says which one is for no argument that there is.
    pub(in crate::server) fn check<'a>(
        &self,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), String> {
        match self.0.iter().find(|(argument, _)| !known.clone().any(|known| known == argument)) {
            Some((argument, _)) => {
                Err(format!("values are proposed for {argument:?}, which it does not take"))
            }
            None => Ok(()),
        }
    }

    /// The one for an argument.
    pub(super) fn find(&self, argument: &str) -> Option<Arc<dyn Completer>> {
        self.0.iter().find(|(known, _)| known == argument).map(|(_, completer)| completer.clone())
    }
}
