use crate::server::List;

/// Kinds of changes of lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Kinds {
    pub(in crate::server) tools: bool,
    pub(in crate::server) resources: bool,
    pub(in crate::server) prompts: bool,
}

impl Kinds {
    /// The kind that a list belongs to.
    pub(super) fn of(&mut self, list: List) -> &mut bool {
        match list {
            List::Tools => &mut self.tools,
            List::Resources | List::ResourceTemplates => &mut self.resources,
            List::Prompts => &mut self.prompts,
        }
    }
}
