use oxmcp_proto::model::PromptArgument;
use schemars::JsonSchema;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::server::tools::schema_of;

/// What a prompt takes, as the fields of a struct say it: their names, in their order, what their doc comments say, and whether they can be
/// left out. A type that takes any texts names none.
pub(super) fn arguments_of<A: DeserializeOwned + JsonSchema>() -> Vec<PromptArgument> {
    let schema: Value = schema_of::<A>().to().unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |property: &Value, key: &str| property[key].as_str().map(str::to_owned);
    let mut arguments: Vec<PromptArgument> = properties
        .iter()
        .map(|(name, property)| PromptArgument {
            name: name.clone(),
            title: text(property, "title"),
            description: text(property, "description"),
            required: Some(required.iter().any(|required| required == name)),
            ..PromptArgument::default()
        })
        .collect();
    // JSON objects have no order, but structs do.
    let fields = fields_of::<A>();
    arguments.sort_by_key(|argument| fields.iter().position(|field| *field == argument.name));
    arguments
}

/// The fields of a struct in their order; none when serde does not ask for them by name.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &[&str] = &[];
    // It always fails; what counts is what was asked for.
    let _ = T::deserialize(Ask(&mut fields));
    fields
}

struct Ask<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Ask<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("nothing is here"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::server::Texts;

    #[allow(dead_code, reason = "only its schema is of interest")]
    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    struct Review {
        /// What to review.
        source_code: String,
        /// In which words.
        tone: Option<String>,
        #[serde(default)]
        at_most: u32,
        language: String,
    }

    #[test]
    fn arguments_are_the_fields_in_their_order() {
        let arguments: Vec<_> = arguments_of::<Review>()
            .into_iter()
            .map(|argument| (argument.name, argument.description, argument.required))
            .collect();
        let expected = [
            ("sourceCode", Some("What to review."), true),
            ("tone", Some("In which words."), false),
            ("atMost", None, false),
            ("language", None, true),
        ];
        let expected = expected.map(|(name, description, required)| {
            (name.to_owned(), description.map(str::to_owned), Some(required))
        });
        assert_eq!(arguments, expected);
        assert!(arguments_of::<()>().is_empty() && arguments_of::<Texts>().is_empty());
    }
}
