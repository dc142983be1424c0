mod weight;

use std::fmt;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The longest explanation of one problem, in bytes. It quotes the value that is wrong where that is short; a peer may send a long one.
const MAX_PROBLEM: usize = 1024;

/// The problems that are explained at most.
const MAX_PROBLEMS: usize = 8;

/// The most a compiled pattern may take, in bytes. A pattern runs in time linear in the text, and in its own size.
const MAX_PATTERN: usize = 256 << 10;

/// A JSON Schema, compiled. It reads nothing from the network or disk, its patterns run in linear time, and its references do not multiply:
/// a server's schemas are read by clients who need not trust it.
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
        weight::check(schema)?;
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN);
        let mut options = jsonschema::options().with_pattern_options(patterns);
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

#[cfg(test)]
mod hostile {
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_to_elsewhere_is_never_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/schema", listener.local_addr().unwrap());
        for schema in [
            json!({"properties": {"a": {"$ref": url}}}),
            json!({"properties": {"a": {"$dynamicRef": url}}}),
            json!({"$schema": url}),
            json!({"$id": url, "$ref": "other"}),
            json!({"$ref": "file:///etc/hostname"}),
        ] {
            assert!(Schema::compile(&schema).is_err(), "{schema}");
        }
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_pattern_cannot_make_matching_expensive() {
        let text = "a".repeat(1 << 20) + "!";
        let schema = Schema::compile(&json!({"pattern": "^(a+)+$"})).unwrap();
        assert!(schema.check(&json!(text)).is_err());
        // These would take seconds for each megabyte, or gigabytes.
        for pattern in [r"(\w{1,500}){1,40}x", "(((a{1,100}){1,100}){1,100}){1,100}", "(?=a)a", r"(a)\1"] {
            let refused = Schema::compile(&json!({"pattern": pattern})).unwrap_err();
            assert!(refused.contains("regex"), "{refused}");
        }
        Schema::compile(&json!({"pattern": r"^[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){1,8}$"})).unwrap();
    }
}
