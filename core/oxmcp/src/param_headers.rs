//! The arguments of a tool that HTTP repeats in headers (2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters").

use http::HeaderName;
use oxmcp_proto::jsonrpc::RawObject;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The member of a property's schema that names its header.
const ANNOTATION: &str = "x-mcp-header";

/// The largest integer that every JSON reader has exactly; the smallest is its negative.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// An argument, and the header that repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParamHeader {
    /// `Mcp-Param-` and the name that the schema gives.
    pub(crate) name: HeaderName,
    /// The properties that lead to the argument, from the root.
    path: Box<[Box<str>]>,
}

/// The value of an argument, as far as a header can repeat it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ParamValue {
    /// Nothing to repeat: absent or `null`.
    Absent,
    /// A string, or a boolean's name.
    Text(String),
    /// A number.
    Number(f64),
    /// An object or array, which no header repeats.
    Compound,
}

impl ParamHeader {
    /// The headers that an `inputSchema` asks for. The error says what is wrong with it.
    pub(crate) fn of_schema(schema: &Value) -> Result<Vec<Self>, String> {
        let mut found = Vec::new();
        find(schema, Some(&mut Vec::new()), &mut found)?;
        Ok(found)
    }

    /// The argument's value. An error means that the arguments cannot be read.
    pub(crate) fn value(&self, arguments: &RawValue) -> Result<ParamValue, serde_json::Error> {
        let mut value = arguments;
        for property in &self.path {
            if !value.get().starts_with('{') {
                return Ok(ParamValue::Absent);
            }
            // A name that comes twice would let two readers disagree; reading refuses it.
            let object: RawObject<'_> = serde_json::from_str(value.get())?;
            match object.member(property) {
                Some(member) => value = member,
                None => return Ok(ParamValue::Absent),
            }
        }
        Ok(match value.get().as_bytes().first() {
            Some(b'"') => ParamValue::Text(serde_json::from_str(value.get())?),
            Some(b'n') => ParamValue::Absent,
            Some(b't' | b'f') => ParamValue::Text(value.get().to_owned()),
            Some(b'{' | b'[') => ParamValue::Compound,
            _ => ParamValue::Number(serde_json::from_str(value.get())?),
        })
    }
}

impl ParamValue {
    /// Whether a header, decoded, says the same.
    pub(crate) fn equals(&self, header: &str) -> bool {
        match self {
            Self::Text(text) => text == header,
            // `42` and `42.0` are equal.
            Self::Number(number) => {
                let is_number =
                    header.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
                number.abs() <= MAX_SAFE_INTEGER && is_number && header.parse() == Ok(*number)
            }
            Self::Absent | Self::Compound => false,
        }
    }
}

/// Looks through a schema. `path` is how the properties lead to it; without it, nothing in it may be annotated.
fn find(
    schema: &Value,
    mut path: Option<&mut Vec<Box<str>>>,
    found: &mut Vec<ParamHeader>,
) -> Result<(), String> {
    let Value::Object(members) = schema else { return Ok(()) };
    if let Some(annotation) = members.get(ANNOTATION) {
        let header = match &path {
            Some(path) if !path.is_empty() => header(annotation, members, path),
            _ => Err("is not on a property that only `properties` lead to".to_owned()),
        };
        let header = header.map_err(|why| format!("has an {ANNOTATION} ({annotation}) that {why}"))?;
        if found.iter().any(|other| other.name == header.name) {
            return Err(format!("has the {ANNOTATION} {annotation} twice"));
        }
        found.push(header);
    }
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    match &mut path {
                        Some(path) => {
                            path.push(name.as_str().into());
                            find(schema, Some(path), found)?;
                            path.pop();
                        }
                        None => find(schema, None, found)?,
                    }
                }
            }
            // Values, whatever they look like.
            ("const" | "enum" | "default" | "examples", _) => {}
            ("patternProperties" | "dependentSchemas" | "$defs" | "definitions", Value::Object(schemas)) => {
                schemas.values().try_for_each(|schema| find(schema, None, found))?;
            }
            (_, Value::Array(schemas)) => {
                schemas.iter().try_for_each(|schema| find(schema, None, found))?;
            }
            (_, schema) => find(schema, None, found)?,
        }
    }
    Ok(())
}

fn header(annotation: &Value, schema: &Map<String, Value>, path: &[Box<str>]) -> Result<ParamHeader, String> {
    let name = annotation.as_str().filter(|name| !name.is_empty()).ok_or("is no name")?;
    let name = HeaderName::from_bytes(format!("mcp-param-{name}").as_bytes())
        .map_err(|_| "no header can be called")?;
    match schema.get("type").and_then(Value::as_str) {
        Some("string" | "integer" | "boolean") => Ok(ParamHeader { name, path: path.into() }),
        _ => Err("is on something else than a string, an integer or a boolean".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(properties: Value) -> Result<Vec<ParamHeader>, String> {
        ParamHeader::of_schema(&json!({"type": "object", "properties": properties}))
    }

    #[test]
    fn properties_with_a_name_for_a_header_are_found_at_any_depth() {
        let schema = json!({
            "region": {"type": "string", "x-mcp-header": "Region"},
            "where": {"type": "object", "properties": {"row": {"type": "integer", "x-mcp-header": "Row"}}},
            "x-mcp-header": {"type": "string", "default": {"x-mcp-header": "no annotation"}},
            "plain": {"type": "number"},
        });
        let mut found = of(schema).unwrap();
        found.sort_by_key(|header| header.name.as_str().to_owned());
        let names: Vec<_> = found.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["mcp-param-region", "mcp-param-row"]);
        let arguments: Box<RawValue> =
            serde_json::from_str(r#"{"region": "us", "where": {"row": 7}}"#).unwrap();
        assert_eq!(found[0].value(&arguments).unwrap(), ParamValue::Text("us".to_owned()));
        assert_eq!(found[1].value(&arguments).unwrap(), ParamValue::Number(7.0));
        for without in ["{}", r#"{"where": null}"#, r#"{"where": {"row": null}}"#, "7"] {
            assert_eq!(found[1].value(serde_json::from_str(without).unwrap()).unwrap(), ParamValue::Absent);
        }
        let twice = serde_json::from_str(r#"{"region": "us", "region": "eu"}"#).unwrap();
        assert!(found[0].value(twice).is_err());
    }

    #[test]
    fn an_annotation_in_the_wrong_place_or_form_is_refused() {
        let region = json!({"type": "string", "x-mcp-header": "Region"});
        for schema in [
            json!({"a": region, "b": {"type": "string", "x-mcp-header": "rEGION"}}),
            json!({"a": {"type": "string", "x-mcp-header": ""}}),
            json!({"a": {"type": "string", "x-mcp-header": 7}}),
            json!({"a": {"type": "string", "x-mcp-header": "a b"}}),
            json!({"a": {"type": "string", "x-mcp-header": "a\r\nb"}}),
            json!({"a": {"type": "string", "x-mcp-header": "größe"}}),
            json!({"a": {"type": "number", "x-mcp-header": "A"}}),
            json!({"a": {"type": ["string", "null"], "x-mcp-header": "A"}}),
            json!({"a": {"x-mcp-header": "A"}}),
            json!({"a": {"type": "array", "items": region}}),
            json!({"a": {"oneOf": [region]}}),
            json!({"a": {"not": {"properties": {"b": region}}}}),
        ] {
            assert!(of(schema.clone()).is_err(), "{schema}");
        }
        for schema in [
            json!({"type": "object", "x-mcp-header": "A"}),
            json!({"type": "object", "$defs": {"region": region}}),
            json!({"type": "object", "if": {"properties": {"a": region}}}),
        ] {
            assert!(ParamHeader::of_schema(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        let text = |text: &str| ParamValue::Text(text.to_owned());
        assert!(text("a").equals("a") && !text("a").equals("A") && text("true").equals("true"));
        assert!(ParamValue::Number(42.0).equals("42") && ParamValue::Number(42.0).equals("42.0"));
        assert!(!ParamValue::Number(42.0).equals("43") && !ParamValue::Number(42.0).equals("forty-two"));
        assert!(
            !ParamValue::Number(f64::INFINITY).equals("inf") && !ParamValue::Number(1e300).equals("1e300")
        );
        assert!(!ParamValue::Absent.equals("") && !ParamValue::Compound.equals("{}"));
    }
}
