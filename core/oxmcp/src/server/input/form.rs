use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::model::{
    LegacyTitledEnumSchema, Members, PrimitiveSchemaDefinition as Field, RequestedSchema,
};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::server::fields::fields_of;

/// The formats that a field may have (2026-07-28, elicitation, "Requested Schema").
const FORMATS: [&str; 4] = ["email", "uri", "date", "date-time"];

/// The form that a type asks for, with its fields in the order in which they were written. `Err` says why no client could show it.
pub(super) fn form_of<T: JsonSchema + DeserializeOwned>() -> Result<RequestedSchema, String> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return match schema.get("type").and_then(Value::as_str) {
            Some("object") => Ok(RequestedSchema::default()),
            _ => Err("a form is a struct with named fields".to_owned()),
        };
    };
    let mut names: Vec<&String> = properties.keys().collect();
    let written = fields_of::<T>();
    names.sort_by_key(|name| written.iter().position(|field| field == name).unwrap_or(usize::MAX));
    let mut fields = Members::new();
    for name in names {
        let field = field_of(&properties[name]).map_err(|why| format!("its field {name:?} {why}"))?;
        fields.insert(name, field);
    }
    let required = schema.get("required").and_then(|required| serde_json::from_value(required.clone()).ok());
    Ok(RequestedSchema { properties: fields, required, ..RequestedSchema::default() })
}

/// The form as a revision has it.
pub(super) fn in_revision(
    form: &RequestedSchema,
    version: ProtocolVersion,
) -> Result<RequestedSchema, String> {
    let mut fields = Members::new();
    for (name, field) in form.properties.iter() {
        let field = match field {
            Field::Unknown(_) => return Err(format!("the field {name:?} is none that clients can show")),
            // 2025-06-18 writes the titles of choices in a list beside them, and has no other lists.
            Field::TitledSingleSelect(select) if version < ProtocolVersion::V2025_11_25 => {
                let (choices, titles) =
                    select.one_of.iter().map(|option| (option.value.clone(), option.title.clone())).unzip();
                Field::LegacyTitledEnum(LegacyTitledEnumSchema {
                    title: select.title.clone(),
                    description: select.description.clone(),
                    choices,
                    enum_names: Some(titles),
                    default: select.default.clone(),
                    ..LegacyTitledEnumSchema::default()
                })
            }
            Field::UntitledMultiSelect(_) | Field::TitledMultiSelect(_)
                if version < ProtocolVersion::V2025_11_25 =>
            {
                return Err(format!(
                    "the field {name:?} has several choices, which revision {version} lacks"
                ));
            }
            field => field.clone(),
        };
        fields.insert(name, field);
    }
    Ok(RequestedSchema { properties: fields, ..form.clone() })
}

/// What a field's schema is in the words that a form has.
fn field_of(schema: &Value) -> Result<Field, String> {
    const FLAT: &str = "is neither a string, a number, a bool, a choice nor a list of choices";
    let mut field = schema.as_object().cloned().ok_or(FLAT)?;
    drop_null(&mut field);
    name_choices(&mut field, "oneOf");
    if let Some(Value::Object(items)) = field.get_mut("items") {
        name_choices(items, "anyOf");
    }
    let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_known_format = |format: &Value| format.as_str().is_some_and(|format| FORMATS.contains(&format));
    if kind != "string" || !field.get("format").is_some_and(is_known_format) {
        field.remove("format");
    }
    if field.get("default").is_some_and(Value::is_null) {
        field.remove("default");
    }
    match serde_json::from_value(Value::Object(field)) {
        Ok(Field::Unknown(_)) | Err(_) => Err(FLAT.to_owned()),
        Ok(field) => Ok(field),
    }
}

/// A field that may be left empty is one that is not required; forms have no `null`.
fn drop_null(field: &mut Map<String, Value>) {
    if let Some(schema) = field.get("anyOf").and_then(or_null) {
        field.remove("anyOf");
        for (name, value) in schema {
            field.entry(name).or_insert(value);
        }
    }
    if let Some(Value::Array(kinds)) = field.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            field.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = field.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
}

/// What a value is that may also be `null`.
fn or_null(options: &Value) -> Option<Map<String, Value>> {
    let is_null = |option: &Value| option.get("type") == Some(&json!("null"));
    match &options.as_array()?[..] {
        [schema, null] | [null, schema] if is_null(null) => schema.as_object().cloned(),
        _ => None,
    }
}

/// An enum whose variants are described lists them one by one, after the others; their descriptions become titles. `member` is where a form has them.
fn name_choices(schema: &mut Map<String, Value>, member: &str) {
    let Some(Value::Array(options)) = schema.get("oneOf").or_else(|| schema.get("anyOf")) else { return };
    let mut named = Vec::new();
    for option in options {
        let words = option.get("title").or_else(|| option.get("description")).and_then(Value::as_str);
        match (option.get("const"), option.get("enum")) {
            (Some(Value::String(value)), _) => {
                named.push(json!({"const": value, "title": words.unwrap_or(value)}))
            }
            (_, Some(Value::Array(values))) => {
                named.extend(values.iter().map(|value| json!({"const": value, "title": value})));
            }
            // Not an enum of unit variants.
            _ => return,
        }
    }
    schema.remove("oneOf");
    schema.remove("anyOf");
    if member == "oneOf" {
        schema.insert("type".to_owned(), json!("string"));
    }
    schema.insert(member.to_owned(), Value::Array(named));
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Everything {
        /// Your full name
        name: String,
        #[schemars(email, length(min = 3))]
        email: Option<String>,
        #[schemars(range(min = 18))]
        age: u8,
        score: f64,
        #[serde(default)]
        agree: bool,
        size: Size,
        #[serde(rename = "favourite")]
        color: Option<Color>,
        colors: Vec<Color>,
        #[serde(default = "two")]
        count: i64,
    }

    fn two() -> i64 {
        2
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Size {
        Small,
        Large,
    }

    #[derive(Deserialize, JsonSchema)]
    enum Color {
        /// Like a rose
        Red,
        Green,
    }

    fn fields(form: &RequestedSchema) -> Vec<&str> {
        form.properties.iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_type_becomes_a_form_in_the_order_in_which_it_was_written() {
        let form = form_of::<Everything>().unwrap();
        assert_eq!(
            fields(&form),
            ["name", "email", "age", "score", "agree", "size", "favourite", "colors", "count"]
        );
        let colors = json!([{"const": "Green", "title": "Green"}, {"const": "Red", "title": "Like a rose"}]);
        assert_eq!(
            serde_json::to_value(&form).unwrap(),
            json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "Your full name"},
                    "email": {"type": "string", "format": "email", "minLength": 3},
                    "age": {"type": "integer", "minimum": 18, "maximum": 255},
                    "score": {"type": "number"},
                    "agree": {"type": "boolean", "default": false},
                    "size": {"type": "string", "enum": ["small", "large"]},
                    "favourite": {"type": "string", "oneOf": colors},
                    "colors": {"type": "array", "items": {"anyOf": colors}},
                    "count": {"type": "integer", "default": 2},
                },
                "required": ["name", "age", "score", "size", "colors"],
            })
        );
    }

    #[test]
    fn what_no_client_can_show_is_said() {
        #[derive(Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is of interest")]
        struct Nested {
            inner: Everything,
        }
        #[derive(Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is of interest")]
        struct Numbers {
            all: Vec<u8>,
        }
        #[derive(Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is of interest")]
        struct Either {
            either: OneOf,
        }
        #[derive(Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is of interest")]
        #[serde(untagged)]
        enum OneOf {
            Number(u8),
            Text(String),
        }
        assert!(form_of::<Nested>().unwrap_err().contains("\"inner\""));
        assert!(form_of::<Numbers>().unwrap_err().contains("\"all\""));
        assert!(form_of::<Either>().unwrap_err().contains("\"either\""));
        assert!(form_of::<String>().is_err() && form_of::<Vec<String>>().is_err());
    }

    #[test]
    fn an_older_revision_gets_titles_as_it_writes_them_and_no_lists() {
        #[derive(Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is of interest")]
        struct Pick {
            color: Color,
        }
        let old = in_revision(&form_of::<Pick>().unwrap(), ProtocolVersion::V2025_06_18).unwrap();
        assert_eq!(
            serde_json::to_value(&old).unwrap()["properties"]["color"],
            json!({"type": "string", "enum": ["Green", "Red"], "enumNames": ["Green", "Like a rose"]})
        );
        let all = form_of::<Everything>().unwrap();
        assert!(in_revision(&all, ProtocolVersion::V2025_06_18).unwrap_err().contains("colors"));
        assert_eq!(in_revision(&all, ProtocolVersion::V2026_07_28).unwrap(), all);
    }
}
