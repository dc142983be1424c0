use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::super::member::integral;
use super::super::{Extra, Members};

/// The schema of a form: an object whose members are primitive, or arrays of choices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestedSchema {
    /// Which JSON Schema it is; absent means 2020-12.
    #[serde(default, rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// `object`
    #[serde(rename = "type", default)]
    pub kind: ObjectType,
    /// The fields, in the order in which to show them.
    pub properties: Members<PrimitiveSchemaDefinition>,
    /// Fields that must not be left empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<Vec<String>>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The type of a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectType {
    /// `object`
    #[default]
    Object,
}

/// The schema of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum PrimitiveSchemaDefinition {
    /// A string.
    String(StringSchema),
    /// A number.
    Number(NumberSchema),
    /// An integer.
    Integer(NumberSchema),
    /// Yes or no.
    Boolean(BooleanSchema),
    /// One of some choices, which are shown as they are.
    UntitledSingleSelect(UntitledSingleSelectEnumSchema),
    /// One of some choices that have titles (2025-11-25 on).
    TitledSingleSelect(TitledSingleSelectEnumSchema),
    /// Several of some choices, which are shown as they are (2025-11-25 on).
    UntitledMultiSelect(UntitledMultiSelectEnumSchema),
    /// Several of some choices that have titles (2025-11-25 on).
    TitledMultiSelect(TitledMultiSelectEnumSchema),
    /// One of some choices, with titles in `enumNames`.
    LegacyTitledEnum(LegacyTitledEnumSchema),
    /// A schema this library does not know, whole.
    Unknown(Map<String, Value>),
}

impl PrimitiveSchemaDefinition {
    /// Finds out what a schema is, and whether anything else than `type` tells.
    fn variant_of(
        kind: Option<&str>,
        schema: &Map<String, Value>,
    ) -> Option<fn(Value) -> serde_json::Result<Self>> {
        fn read<T: for<'de> Deserialize<'de>>(schema: Value) -> serde_json::Result<T> {
            T::deserialize(schema)
        }
        let item_choices = |choices| schema.get("items").is_some_and(|items| items.get(choices).is_some());
        Some(match kind? {
            "string" if schema.contains_key("oneOf") => |schema| read(schema).map(Self::TitledSingleSelect),
            "string" if schema.contains_key("enumNames") => |schema| read(schema).map(Self::LegacyTitledEnum),
            "string" if schema.contains_key("enum") => |schema| read(schema).map(Self::UntitledSingleSelect),
            "string" => |schema| read(schema).map(Self::String),
            "number" => |schema| read(schema).map(Self::Number),
            "integer" => |schema| read(schema).map(Self::Integer),
            "boolean" => |schema| read(schema).map(Self::Boolean),
            "array" if item_choices("anyOf") => |schema| read(schema).map(Self::TitledMultiSelect),
            "array" if item_choices("enum") => |schema| read(schema).map(Self::UntitledMultiSelect),
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for PrimitiveSchemaDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut schema = Map::<String, Value>::deserialize(deserializer)?;
        let kind = schema.get("type").and_then(Value::as_str);
        let Some(read) = Self::variant_of(kind, &schema) else { return Ok(Self::Unknown(schema)) };
        let kind = schema.remove("type").unwrap_or_default();
        read(Value::Object(schema))
            .map_err(|error| D::Error::custom(format_args!("the schema of a field of type {kind}: {error}")))
    }
}

impl Serialize for PrimitiveSchemaDefinition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Typed<'a, T> {
            #[serde(rename = "type")]
            kind: &'static str,
            #[serde(flatten)]
            schema: &'a T,
        }
        fn write<T: Serialize, S: Serializer>(
            kind: &'static str,
            schema: &T,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            Typed { kind, schema }.serialize(serializer)
        }
        match self {
            Self::String(schema) => write("string", schema, serializer),
            Self::Number(schema) => write("number", schema, serializer),
            Self::Integer(schema) => write("integer", schema, serializer),
            Self::Boolean(schema) => write("boolean", schema, serializer),
            Self::UntitledSingleSelect(schema) => write("string", schema, serializer),
            Self::TitledSingleSelect(schema) => write("string", schema, serializer),
            Self::UntitledMultiSelect(schema) => write("array", schema, serializer),
            Self::TitledMultiSelect(schema) => write("array", schema, serializer),
            Self::LegacyTitledEnum(schema) => write("string", schema, serializer),
            Self::Unknown(schema) => schema.serialize(serializer),
        }
    }
}

/// A string.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StringSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The least characters it has.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// The most characters it has.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
    /// What it must look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<StringFormat>,
    /// What it holds at first (2025-11-25 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

names! {
    /// What a string must look like.
    StringFormat {
        /// An e-mail address.
        Email "email",
        /// A URI.
        Uri "uri",
        /// A date such as `2026-07-28`.
        Date "date",
        /// A date and a time, as in RFC 3339.
        DateTime "date-time",
    }
}

/// A number or an integer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The least it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Number>,
    /// The most it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Number>,
    /// What it holds at first (2025-11-25 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Number>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Yes or no.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BooleanSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it holds at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One of some choices, which are shown as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntitledSingleSelectEnumSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The choices.
    #[serde(rename = "enum")]
    pub choices: Vec<String>,
    /// The one that is chosen at first (2025-11-25 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One of some choices that have titles (2025-11-25 on).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TitledSingleSelectEnumSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The choices.
    pub one_of: Vec<EnumOption>,
    /// The one that is chosen at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A choice and its title.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnumOption {
    /// The choice.
    #[serde(rename = "const")]
    pub value: String,
    /// What to show for it.
    pub title: String,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Several of some choices, which are shown as they are (2025-11-25 on).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntitledMultiSelectEnumSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The least to choose.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub min_items: Option<u64>,
    /// The most to choose.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// The choices.
    pub items: EnumItems,
    /// Those that are chosen at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<String>>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The choices of [`UntitledMultiSelectEnumSchema`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnumItems {
    /// `string`
    #[serde(rename = "type", default)]
    pub kind: StringType,
    /// The choices.
    #[serde(rename = "enum")]
    pub choices: Vec<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The type of a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StringType {
    /// `string`
    #[default]
    String,
}

/// Several of some choices that have titles (2025-11-25 on).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TitledMultiSelectEnumSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The least to choose.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub min_items: Option<u64>,
    /// The most to choose.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// The choices.
    pub items: TitledEnumItems,
    /// Those that are chosen at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<String>>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The choices of [`TitledMultiSelectEnumSchema`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TitledEnumItems {
    /// The choices.
    pub any_of: Vec<EnumOption>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One of some choices, with titles in a list beside. The spec advises against it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegacyTitledEnumSchema {
    /// What the field is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The choices.
    #[serde(rename = "enum")]
    pub choices: Vec<String>,
    /// What to show for them, in the same order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enum_names: Option<Vec<String>>,
    /// The one that is chosen at first (2025-11-25 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_a_field_is_told_from_the_others() {
        use PrimitiveSchemaDefinition as P;
        let options = json!([{"const": "r", "title": "Red"}]);
        type IsRight = fn(&P) -> bool;
        let is: [(Value, IsRight); 12] = [
            (json!({"type": "string", "format": "email", "minLength": 3}), |s| matches!(s, P::String(_))),
            (json!({"type": "number", "minimum": 0.5, "default": 1}), |s| matches!(s, P::Number(_))),
            (json!({"type": "integer", "maximum": 5, "x": 1}), |s| matches!(s, P::Integer(_))),
            (json!({"type": "boolean", "default": false}), |s| matches!(s, P::Boolean(_))),
            (json!({"type": "string", "enum": ["r"]}), |s| matches!(s, P::UntitledSingleSelect(_))),
            (json!({"type": "string", "oneOf": options}), |s| matches!(s, P::TitledSingleSelect(_))),
            (json!({"type": "array", "items": {"type": "string", "enum": ["r"]}, "default": ["r"]}), |s| {
                matches!(s, P::UntitledMultiSelect(_))
            }),
            (json!({"type": "array", "items": {"anyOf": options}}), |s| matches!(s, P::TitledMultiSelect(_))),
            (json!({"type": "string", "enum": ["r"], "enumNames": ["Red"]}), |s| {
                matches!(s, P::LegacyTitledEnum(_))
            }),
            (json!({"type": "object", "properties": {}}), |s| matches!(s, P::Unknown(_))),
            (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), |s| matches!(s, P::Unknown(_))),
            (json!({"type": "array", "items": {"type": "number"}}), |s| matches!(s, P::Unknown(_))),
        ];
        for (schema, is_right) in is {
            let read: P = serde_json::from_value(schema.clone()).unwrap();
            assert!(is_right(&read), "{schema} was read as {read:?}");
            assert_eq!(serde_json::to_value(&read).unwrap(), schema);
        }
    }

    #[test]
    fn fields_keep_their_order() {
        let schema = r#"{"type":"object","properties":{"z":{"type":"boolean"},"a":{"type":"boolean"}}}"#;
        let read: RequestedSchema = serde_json::from_str(schema).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), schema);
    }
}
