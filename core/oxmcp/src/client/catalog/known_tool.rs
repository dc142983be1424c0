use super::output_schema::OutputSchema;
use crate::param_headers::ParamHeader;

/// What is remembered of a tool.
pub(super) struct KnownTool {
    pub(super) headers: Vec<ParamHeader>,
    pub(super) output: Option<OutputSchema>,
    pub(super) is_repeatable: bool,
    pub(super) bytes: usize,
}
