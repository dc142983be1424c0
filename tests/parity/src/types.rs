use std::collections::BTreeSet;

use oxmcp_proto::jsonrpc::{ErrorObject, parse};
use oxmcp_proto::model::tasks_2025_11_25 as tasks_2025;
use oxmcp_proto::model::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::spec::{SPEC, SpecType};

/// What becomes of a value when the model reads it.
struct Read {
    /// The members that the type does not name.
    unnamed: BTreeSet<String>,
    /// What was read, for people.
    shown: String,
}

/// The names of the spec for a type, and its reader.
type Entry = (&'static [&'static str], Reader);

type Reader = fn(&Map<String, Value>) -> Result<Read, String>;

/// The type of the model for each type of the spec. `as` names the variant that a value of an enum is, after a comma the member
/// that keeps unknown members.
macro_rules! readers {
    ($($($name:literal)|+ => $type:ty $(as $variant:path)? $(, $member:ident)?;)*) => {
        &[$((
            &[$($name),+],
            |value| read::<$type>(value, |read| {
                $(let $variant(read) = read else { return Err("read as something else".to_owned()) };)?
                $(let read = &read.$member;)?
                Ok(&read.extra)
            }),
        )),*]
    };
}

/// Types that keep unknown members.
#[rustfmt::skip]
const READERS: &[Entry] = readers! {
    "Implementation" => Implementation;
    "Icon" => Icon;
    "InitializeRequestParams" => InitializeParams;
    "InitializeResult" => InitializeResult;
    "DiscoverResult" => DiscoverResult;
    "EmptyResult" | "ClientResult" | "JSONRPCResultResponse.result" => EmptyResult;
    "PaginatedRequestParams" => PaginatedParams;
    "ProgressNotificationParams" => ProgressParams;
    "CancelledNotificationParams" => CancelledParams;
    "NotificationParams" => NotificationParams;
    "MissingRequiredClientCapabilityError.error.data" => MissingCapabilityData;
    "UnsupportedProtocolVersionError.error.data" => UnsupportedVersionData;
    "ClientCapabilities" => ClientCapabilities;
    "ClientCapabilities.roots" => RootsCapability;
    "ClientCapabilities.sampling" => SamplingCapability;
    "ClientCapabilities.elicitation" => ElicitationCapability;
    "ClientCapabilities.tasks" => ClientTasksCapability;
    "ClientCapabilities.tasks.requests" => ClientTaskRequests;
    "ClientCapabilities.tasks.requests.sampling" => SamplingTasks;
    "ClientCapabilities.tasks.requests.elicitation" => ElicitationTasks;
    "ServerCapabilities" => ServerCapabilities;
    "ServerCapabilities.tools" => ToolsCapability;
    "ServerCapabilities.resources" => ResourcesCapability;
    "ServerCapabilities.prompts" => PromptsCapability;
    "ServerCapabilities.tasks" => ServerTasksCapability;
    "ServerCapabilities.tasks.requests" => ServerTaskRequests;
    "ServerCapabilities.tasks.requests.tools" => ToolTasks;
    "Annotations" => Annotations;
    "TextContent" => Content as Content::Text;
    "ImageContent" => Content as Content::Image;
    "AudioContent" => Content as Content::Audio;
    "EmbeddedResource" => Content as Content::Resource;
    "ResourceLink" => Content as Content::ResourceLink;
    "ResourceContents" | "TextResourceContents" | "BlobResourceContents" => ResourceContents;
    "Tool" => Tool;
    "ToolExecution" => ToolExecution;
    "ToolAnnotations" => ToolAnnotations;
    "ListToolsResult" => ListToolsResult;
    "CallToolResult" => CallToolResult;
    "Resource" => Resource;
    "ResourceTemplate" => ResourceTemplate;
    "ListResourcesResult" => ListResourcesResult;
    "ListResourceTemplatesResult" => ListResourceTemplatesResult;
    "ReadResourceResult" => ReadResourceResult;
    "SubscribeRequestParams" => SubscribeParams;
    "UnsubscribeRequestParams" => UnsubscribeParams;
    "ResourceUpdatedNotificationParams" => ResourceUpdatedParams;
    "Prompt" => Prompt;
    "PromptArgument" => PromptArgument;
    "PromptMessage" => PromptMessage;
    "ListPromptsResult" => ListPromptsResult;
    "GetPromptResult" => GetPromptResult;
    "CompleteRequestParams" => CompleteParams;
    "CompleteRequestParams.argument" => CompletionArgument;
    "CompleteRequestParams.context" => CompletionContext;
    "PromptReference" => CompletionReference as CompletionReference::Prompt;
    "ResourceTemplateReference" => CompletionReference as CompletionReference::Resource;
    "CompleteResult" => CompleteResult;
    "CompleteResult.completion" => Completion;
    "SetLevelRequestParams" => SetLevelParams;
    "LoggingMessageNotificationParams" => LoggingMessageParams;
    "CreateMessageRequestParams" => CreateMessageParams;
    "CreateMessageRequestParams.modelPreferences" => ModelPreferences;
    "CreateMessageRequestParams.toolChoice" => ToolChoice;
    "ModelHint" => ModelHint;
    "SamplingMessage" => SamplingMessage;
    "ToolUseContent" => SamplingContent as SamplingContent::ToolUse;
    "ToolResultContent" => SamplingContent as SamplingContent::ToolResult;
    "CreateMessageResult" => CreateMessageResult;
    "ElicitRequestFormParams" => ElicitParams as ElicitParams::Form;
    "ElicitRequestFormParams.requestedSchema" => RequestedSchema;
    "ElicitRequestURLParams" => ElicitParams as ElicitParams::Url;
    "ElicitResult" => ElicitResult;
    "ElicitationCompleteNotification.params" => ElicitationCompleteParams;
    "URLElicitationRequiredError.error.data" => UrlElicitationRequiredData;
    "StringSchema" => PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::String;
    "BooleanSchema" => PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::Boolean;
    "UntitledSingleSelectEnumSchema" => PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::UntitledSingleSelect;
    "TitledSingleSelectEnumSchema" => PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::TitledSingleSelect;
    "TitledSingleSelectEnumSchema.oneOf" | "TitledMultiSelectEnumSchema.items.anyOf" => EnumOption;
    "UntitledMultiSelectEnumSchema" => PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::UntitledMultiSelect;
    "UntitledMultiSelectEnumSchema.items" => EnumItems;
    "TitledMultiSelectEnumSchema" => PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::TitledMultiSelect;
    "TitledMultiSelectEnumSchema.items" => TitledEnumItems;
    "Root" => Root;
    "ListRootsRequest.params" => ListRootsParams;
    "ListRootsResult" => ListRootsResult;
    "InputRequiredResult" => InputRequiredResult;
    "SubscriptionFilter" => SubscriptionFilter;
    "SubscriptionsListenRequestParams" => SubscriptionsListenParams;
    "SubscriptionsAcknowledgedNotificationParams" => SubscriptionsAcknowledgedParams;
    "SubscriptionsListenResult" => SubscriptionsListenResult;
    "TaskMetadata" => TaskMetadata;
    "RelatedTaskMetadata" => RelatedTaskMetadata;
    "Task" => tasks_2025::Task;
    "CreateTaskResult" => tasks_2025::CreateTaskResult;
    "GetTaskResult" | "CancelTaskResult" | "TaskStatusNotificationParams" => tasks_2025::GetTaskResult, task;
    "ListTasksResult" => tasks_2025::ListTasksResult;
    "GetTaskRequest.params" | "GetTaskPayloadRequest.params" | "CancelTaskRequest.params" => TaskParams;
};

/// Reads a value of a type that keeps unknown members.
fn read<T>(value: &Map<String, Value>, extra: fn(&T) -> Result<&Extra, String>) -> Result<Read, String>
where
    T: DeserializeOwned + std::fmt::Debug,
{
    let read: T = serde_json::from_value(Value::Object(value.clone())).map_err(|error| error.to_string())?;
    let unnamed = extra(&read)?.keys().cloned().collect();
    Ok(Read { unnamed, shown: format!("{read:?}") })
}

/// Types that keep no unknown members: what is not written back is not known.
macro_rules! writers {
    ($($($name:literal)|+ => $type:ty;)*) => {
        &[$((
            &[$($name),+],
            |value| {
                let json = serde_json::to_string(value).map_err(|error| error.to_string())?;
                let read: $type = serde_json::from_str(&json).map_err(|error| error.to_string())?;
                let written = serde_json::to_value(&read).map_err(|error| error.to_string())?;
                let unnamed = value.keys().filter(|name| written.get(name) != value.get(*name)).cloned().collect();
                Ok(Read { unnamed, shown: format!("{read:?}") })
            },
        )),*]
    };
}

#[rustfmt::skip]
const WRITERS: &[Entry] = writers! {
    "CallToolRequestParams" => CallToolParams<'_>;
    "GetPromptRequestParams" => GetPromptParams<'_>;
    "ReadResourceRequestParams" => ReadResourceParams<'_>;
    "ParseError" | "InvalidRequestError" | "MethodNotFoundError" | "InvalidParamsError" | "InternalError"
        | "JSONRPCErrorResponse.error" | "HeaderMismatchError.error" | "MissingRequiredClientCapabilityError.error"
        | "UnsupportedProtocolVersionError.error" | "URLElicitationRequiredError.error" => ErrorObject;
};

/// Types that are read in a way of their own.
const OTHERS: &[Entry] = &[
    // Without titles it is the schema of choices that are shown as they are.
    (&["LegacyTitledEnumSchema"], |value| {
        read(value, |read| match read {
            PrimitiveSchemaDefinition::LegacyTitledEnum(read) => Ok(&read.extra),
            PrimitiveSchemaDefinition::UntitledSingleSelect(read) => Ok(&read.extra),
            other => Err(format!("read as {other:?}")),
        })
    }),
    (&["NumberSchema"], |value| {
        read(value, |read| match read {
            PrimitiveSchemaDefinition::Number(read) | PrimitiveSchemaDefinition::Integer(read) => {
                Ok(&read.extra)
            }
            other => Err(format!("read as {other:?}")),
        })
    }),
    (
        &[
            "Meta",
            "MetaObject",
            "NotificationMetaObject",
            "ResultMetaObject",
            "SubscriptionsListenResultMeta",
        ],
        meta,
    ),
    (&["RequestMetaObject"], request_meta),
];

/// Reads a `_meta`, whose keys have constants.
fn meta(value: &Map<String, Value>) -> Result<Read, String> {
    const KEYS: [&str; 3] = [keys::PROGRESS_TOKEN, keys::SERVER_INFO, keys::SUBSCRIPTION_ID];
    let unnamed = value.keys().filter(|name| !KEYS.contains(&name.as_str())).cloned().collect();
    Ok(Read { unnamed, shown: String::new() })
}

/// Reads the `_meta` of a request, with a type that jumps over unknown members: what it names makes a difference.
fn request_meta(value: &Map<String, Value>) -> Result<Read, String> {
    let shown = |value: &Map<String, Value>| -> Result<String, String> {
        let json = serde_json::to_string(value).map_err(|error| error.to_string())?;
        let read: RequestMeta<'_> = serde_json::from_str(&json).map_err(|error| error.to_string())?;
        Ok(format!("{read:?}"))
    };
    let all = shown(value)?;
    let mut unnamed = BTreeSet::new();
    for name in value.keys() {
        let mut others = value.clone();
        others.remove(name);
        if shown(&others)? == all {
            unnamed.insert(name.clone());
        }
    }
    Ok(Read { unnamed, shown: all })
}

/// What the model does not name, and why.
const EXEMPT: &[(&str, &[&str], &str)] = &[
    ("BaseMetadata", &["name", "title"], "a base of other types, which have its members"),
    ("Icons", &["icons"], "a base of other types, which have its member"),
    ("Request", &["method", "params"], "a base of messages"),
    ("Notification", &["method", "params"], "a base of messages"),
    (
        "PaginatedResult",
        &["_meta", "nextCursor", "resultType"],
        "a base of other types, which have its members",
    ),
    (
        "CacheableResult",
        &["_meta", "cacheScope", "resultType", "ttlMs"],
        "a base of other types, which have its members",
    ),
    (
        "RequestParams",
        &["_meta"],
        "a base of other types; `RequestMeta` reads its member whatever the request",
    ),
    ("ResourceRequestParams", &["_meta", "uri"], "a base of other types, which have its members"),
    ("TaskAugmentedRequestParams", &["_meta", "task"], "a base of other types, which have its members"),
    (
        "InputResponseRequestParams",
        &["_meta", "inputResponses", "requestState"],
        "a base of other types, which have its members",
    ),
    ("CallToolRequestParams", &["_meta"], "`RequestMeta` reads it, whatever the request"),
    ("GetPromptRequestParams", &["_meta"], "`RequestMeta` reads it, whatever the request"),
    ("ReadResourceRequestParams", &["_meta"], "`RequestMeta` reads it, whatever the request"),
    ("GetTaskPayloadResult", &["_meta"], "the answer of whichever request became the task"),
    (
        "Tool.inputSchema",
        &["$schema", "properties", "required", "type"],
        "a JSON Schema, kept as it was written",
    ),
    (
        "Tool.outputSchema",
        &["$schema", "properties", "required", "type"],
        "a JSON Schema, kept as it was written",
    ),
];

/// Whether a type is a message; the codec reads those, and the table of methods is compared by itself.
fn is_message(spec: &SpecType) -> bool {
    ["method", "jsonrpc"].iter().any(|name| spec.members.contains_key(*name))
}

fn reader_of(name: &str) -> Option<Reader> {
    let all = READERS.iter().chain(WRITERS).chain(OTHERS);
    all.filter(|(names, _)| names.contains(&name)).map(|(_, reader)| *reader).next()
}

fn is_exempt(name: &str, member: &str) -> bool {
    EXEMPT.iter().any(|(exempt, members, _)| *exempt == name && members.contains(&member))
}

/// All that is wrong with a type.
fn mistakes(spec: &SpecType) -> Vec<String> {
    let SpecType { revision, name, required, members } = spec;
    let mut mistakes = Vec::new();
    let mut try_value = |member: &str, value: &Map<String, Value>| {
        let complaint = match reader_of(name).map(|reader| reader(value)) {
            None => "the model has no such type".to_owned(),
            Some(Err(error)) => format!("refused: {error}"),
            Some(Ok(read)) if read.unnamed.contains(member) => "not named".to_owned(),
            // Strings that stand for any string are `text`.
            Some(Ok(read)) if read.shown.replace("Other(\"text\")", "").contains("Other(") => {
                format!("a name that the model does not know: {}", read.shown)
            }
            Some(Ok(_)) => return,
        };
        mistakes.push(format!("{revision}: {name}.{member}: {complaint}, in {}", Value::from(value.clone())));
    };
    for (member, values) in members.iter().filter(|(member, _)| !is_exempt(name, member)) {
        for value in values {
            let mut object = required.clone();
            object.insert(member.clone(), value.clone());
            try_value(member, &object);
        }
    }
    mistakes
}

#[test]
fn every_member_of_every_type_is_named_and_read() {
    let types = SPEC.types.iter().filter(|spec| !is_message(spec));
    assert!(types.clone().count() > 150, "the package tells of {} types only", types.count());
    let mistakes: Vec<_> = types.flat_map(mistakes).collect();
    assert!(mistakes.is_empty(), "{} mistakes:\n{}", mistakes.len(), mistakes.join("\n"));
}

#[test]
fn every_message_is_one_to_the_codec() {
    let messages = SPEC.types.iter().filter(|spec| is_message(spec) && !is_exempt(&spec.name, "method"));
    for SpecType { revision, name, required, .. } in messages {
        let value = Value::from(required.clone());
        let refused = if required.contains_key("jsonrpc") {
            parse(value.to_string().into(), 32).map(drop).map_err(|error| error.to_string())
        } else {
            serde_json::from_value::<InputRequest>(value.clone()).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(refused, Ok(()), "{revision}: {name}, in {value}");
    }
}

#[test]
fn nothing_is_listed_here_that_the_package_does_not_know() {
    let is_known = |name: &str| SPEC.types.iter().any(|spec| spec.name == name);
    for name in READERS.iter().chain(WRITERS).chain(OTHERS).flat_map(|(names, _)| *names) {
        assert!(is_known(name), "{name} is no type of the package");
    }
    for (name, members, _) in EXEMPT {
        let has = |member: &str| {
            SPEC.types.iter().any(|spec| spec.name == *name && spec.members.contains_key(member))
        };
        for member in *members {
            assert!(has(member), "{name}.{member} is no member of the package");
        }
    }
}
