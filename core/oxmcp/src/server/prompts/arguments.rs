use oxmcp_proto::model::PromptArgument;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::server::fields::fields_of;
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
