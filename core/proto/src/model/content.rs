use serde::{Deserialize, Serialize};

use super::member::integral;
use super::{Extra, Icon, Role};

tagged! {
    /// A block of content, in a tool's result or a prompt.
    Content is "a content block" {
        /// Text.
        Text(TextContent) "text",
        /// A picture.
        Image(ImageContent) "image",
        /// Sound (2025-03-26 on).
        Audio(AudioContent) "audio",
        /// A resource with its contents.
        Resource(EmbeddedResource) "resource",
        /// Where a resource is (2025-06-18 on).
        ResourceLink(ResourceLink) "resource_link",
    }
}

/// For whom a block is and how much it matters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// For whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Vec<Role>>,
    /// 0 (may be left out) to 1 (needed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<f64>,
    /// When it last changed, ISO 8601 (2025-06-18 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

macro_rules! block {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// For whom it is and how much it matters.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub annotations: Option<Annotations>,
            /// Metadata.
            #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
            pub meta: Option<Extra>,
            /// Other members.
            #[serde(flatten)]
            pub extra: Extra,
        }
    };
}

block! {
    /// Text.
    TextContent {
        /// The text.
        text: String,
    }
}

block! {
    /// A picture.
    ImageContent {
        /// The bytes, in base64.
        data: String,
        /// Such as `image/png`.
        mime_type: String,
    }
}

block! {
    /// Sound.
    AudioContent {
        /// The bytes, in base64.
        data: String,
        /// Such as `audio/wav`.
        mime_type: String,
    }
}

block! {
    /// A resource with its contents.
    EmbeddedResource {
        /// The contents.
        resource: ResourceContents,
    }
}

block! {
    /// Where a resource is.
    ResourceLink {
        /// The URI to read.
        uri: String,
        /// What it is called.
        name: String,
        /// A name for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// What it holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// Such as `text/plain`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// How long it is in bytes, before any encoding in base64.
        #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// Pictures to show for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        icons: Option<Vec<Icon>>,
    }
}

/// The contents of a resource: `text` or `blob`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceContents {
    /// Which resource.
    pub uri: String,
    /// Such as `text/plain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Contents that are text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Contents that are not, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ResourceContents {
    /// A resource that is text.
    pub fn text(uri: impl Into<String>, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        let (uri, mime_type, text) = (uri.into(), Some(mime_type.into()), Some(text.into()));
        Self { uri, mime_type, text, ..Self::default() }
    }

    /// A resource that is not text; `blob` is base64.
    pub fn blob(uri: impl Into<String>, mime_type: impl Into<String>, blob: impl Into<String>) -> Self {
        let (uri, mime_type, blob) = (uri.into(), Some(mime_type.into()), Some(blob.into()));
        Self { uri, mime_type, blob, ..Self::default() }
    }
}

impl Content {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Text(TextContent { text, annotations: None, meta: None, extra: Extra::new() })
    }

    /// An image block; `data` is base64.
    pub fn image(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        let (data, mime_type) = (data.into(), mime_type.into());
        Self::Image(ImageContent { data, mime_type, annotations: None, meta: None, extra: Extra::new() })
    }

    /// An audio block; `data` is base64.
    pub fn audio(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        let (data, mime_type) = (data.into(), mime_type.into());
        Self::Audio(AudioContent { data, mime_type, annotations: None, meta: None, extra: Extra::new() })
    }

    /// A resource with its contents.
    pub fn resource(resource: ResourceContents) -> Self {
        Self::Resource(EmbeddedResource { resource, annotations: None, meta: None, extra: Extra::new() })
    }

    /// The text of a text block.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(block) => Some(&block.text),
            _ => None,
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_block_survives_a_round_trip_with_members_nobody_knows() {
        for block in [
            json!({"type": "text", "text": "t", "x-new": 1}),
            json!({"type": "image", "data": "aGk=", "mimeType": "image/png", "annotations": {"priority": 0.5, "who": 1}}),
            json!({"type": "audio", "data": "aGk=", "mimeType": "audio/wav", "_meta": {"a": 1}}),
            json!({"type": "resource", "resource": {"uri": "a:b", "blob": "aGk=", "z": null}}),
            json!({"type": "resource_link", "uri": "a:b", "name": "n", "size": 3}),
            json!({"type": "hologram", "beam": [1]}),
        ] {
            let read: Content = serde_json::from_value(block.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), block);
            // A tree has its members in another order.
            let mut members = block.as_object().unwrap().clone();
            let kind = members.remove("type").unwrap();
            let rest = serde_json::to_string(&members).unwrap();
            let type_first = format!("{{\"type\":{kind},{}", &rest[1..]);
            let type_last = format!("{},\"type\":{kind}}}", &rest[..rest.len() - 1]);
            for text in [type_first, type_last] {
                assert_eq!(serde_json::from_str::<Content>(&text).unwrap(), read, "{text}");
            }
        }
        for (text, says) in [
            (r#"{"type":"text"}"#, "a content block of type text: missing field `text`"),
            (r#"{"text":"t"}"#, "a content block has no `type`"),
            (r#"{"type":"text","text":"t","type":"image"}"#, "duplicate field `type`"),
            (r#"{"type":"text","text":"t","\u0074ype":"image"}"#, "duplicate field `type`"),
            (r#"{"type":7,"text":"t"}"#, "expected a string"),
            ("[]", "expected a content block"),
        ] {
            let error = serde_json::from_str::<Content>(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(serde_json::from_value::<Content>(json!({"type": "text"})).is_err());
        assert!(serde_json::from_value::<Content>(json!({"text": "t"})).is_err());
    }
}
