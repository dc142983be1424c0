use std::fmt;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The longest explanation of one problem, in bytes. It quotes the value that is wrong where that is short; a peer may send a long one.
const MAX_PROBLEM: usize = 1024;

/// The problems that are explained at most.
const MAX_PROBLEMS: usize = 8;

/// A JSON Schema, compiled. It reads nothing from the network or disk, and its patterns run in linear time.
pub(crate) struct Schema(Validator);

impl Schema {
    /// Compiles a schema, or says what is wrong with it. Formats are notes.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        Self::build(schema, false)
    }

    /// The same with formats that a value has to meet.
    pub(crate) fn compile_with_formats(schema: &Value) -> Result<Self, String> {
        Self::build(schema, true)
    }

    fn build(schema: &Value, has_formats: bool) -> Result<Self, String> {
        let mut options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        if has_formats {
            options = options.should_validate_formats(true);
        }
        options.build(schema).map(Self).map_err(|error| format!("is not a valid JSON Schema: {error}"))
    }

    /// Says what is wrong with a value, in words for people and models.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        // Deciding is much cheaper than explaining.
        if self.0.is_valid(value) {
            return Ok(());
        }
        let problems: Vec<String> = self.0.iter_errors(value).take(MAX_PROBLEMS).map(explain).collect();
        Err(problems.join("; "))
    }
}

fn explain(error: ValidationError<'_>) -> String {
    let mut problem = match error.instance_path().as_str() {
        "" => error.to_string(),
        path => format!("{error} (at {path})"),
    };
    if problem.len() > MAX_PROBLEM {
        problem = format!("{} (at {})", error.masked(), error.instance_path().as_str());
        let end = (0..=MAX_PROBLEM.min(problem.len())).rev().find(|end| problem.is_char_boundary(*end));
        problem.truncate(end.unwrap_or(0));
    }
    problem
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}
