//! A value of every type of the model, with every member that the type names.

use oxmcp_proto::model::tasks_2025_11_25 as tasks_2025;
use oxmcp_proto::model::*;
use serde_json::json;

use super::survives_a_round_trip;

/// A test for each line. `as` names the variant that a value of an enum is,
/// after a comma the member that keeps unknown members.
macro_rules! samples {
    ($($test:ident: $type:ty $(as $variant:path)? $(, $member:ident)? = $sample:tt;)*) => {$(
        #[test]
        fn $test() {
            survives_a_round_trip::<$type>(&json!($sample), |value| {
                $(let $variant(value) = value else { return None };)?
                $(let value = &value.$member;)?
                Some(&value.extra)
            });
        }
    )*};
}

samples! {
    implementation: Implementation = {"name": "n", "version": "1", "title": "t", "description": "d", "websiteUrl": "u",
        "icons": [{"src": "s"}]};
    icon: Icon = {"src": "s", "mimeType": "m", "sizes": ["any"], "theme": "dark"};
    initialize_params: InitializeParams = {"protocolVersion": "v", "capabilities": {}, "clientInfo": {"name": "n", "version": "1"},
        "_meta": {"a": 1}};
    initialize_result: InitializeResult = {"protocolVersion": "v", "capabilities": {}, "serverInfo": {"name": "n", "version": "1"},
        "instructions": "i", "_meta": {"a": 1}};
    discover_result: DiscoverResult = {"supportedVersions": ["v"], "capabilities": {}, "instructions": "i", "ttlMs": 1,
        "cacheScope": "public", "resultType": "complete", "_meta": {"a": 1}};
    progress_params: ProgressParams = {"progressToken": "t", "progress": 0.5, "total": 1.5, "message": "m", "_meta": {"a": 1}};
    cancelled_params: CancelledParams = {"requestId": 1, "reason": "r", "_meta": {"a": 1}};
    empty_result: EmptyResult = {"resultType": "complete", "_meta": {}};
    paginated_params: PaginatedParams = {"cursor": "", "_meta": {}};
    notification_params: NotificationParams = {"_meta": {"a": 1}};
    missing_capability_data: MissingCapabilityData = {"requiredCapabilities": {"elicitation": {"url": {}}}};
    unsupported_version_data: UnsupportedVersionData = {"supported": ["a"], "requested": "b"};

    client_capabilities: ClientCapabilities = {"roots": {}, "sampling": {}, "elicitation": {}, "tasks": {},
        "extensions": {"a.b/c": {}}, "experimental": {"x": {}}};
    roots_capability: RootsCapability = {"listChanged": true};
    sampling_capability: SamplingCapability = {"context": {}, "tools": {"x": 1}};
    elicitation_capability: ElicitationCapability = {"form": {}, "url": {}};
    client_tasks_capability: ClientTasksCapability = {"list": {}, "cancel": {}, "requests": {}};
    client_task_requests: ClientTaskRequests = {"sampling": {}, "elicitation": {}};
    sampling_tasks: SamplingTasks = {"createMessage": {}};
    elicitation_tasks: ElicitationTasks = {"create": {}};
    server_capabilities: ServerCapabilities = {"tools": {}, "resources": {}, "prompts": {}, "completions": {}, "logging": {},
        "tasks": {}, "extensions": {"a.b/c": {}}, "experimental": {"x": {}}};
    tools_capability: ToolsCapability = {"listChanged": false};
    resources_capability: ResourcesCapability = {"subscribe": true, "listChanged": true};
    prompts_capability: PromptsCapability = {"listChanged": true};
    server_tasks_capability: ServerTasksCapability = {"list": {}, "cancel": {}, "requests": {}};
    server_task_requests: ServerTaskRequests = {"tools": {}};
    tool_tasks: ToolTasks = {"call": {}};

    annotations: Annotations = {"audience": ["user", "somebody"], "priority": 0.5, "lastModified": "2026-07-28"};
    text: Content as Content::Text = {"type": "text", "text": "t", "annotations": {"priority": 0.5}, "_meta": {"a": 1}};
    image: Content as Content::Image = {"type": "image", "data": "aGk=", "mimeType": "image/png", "annotations": {}, "_meta": {}};
    audio: Content as Content::Audio = {"type": "audio", "data": "aGk=", "mimeType": "audio/wav", "annotations": {}, "_meta": {}};
    embedded_resource: Content as Content::Resource = {"type": "resource", "resource": {"uri": "a:b", "text": ""}, "annotations": {},
        "_meta": {}};
    resource_link: Content as Content::ResourceLink = {"type": "resource_link", "uri": "a:b", "name": "n", "title": "t",
        "description": "d", "mimeType": "m", "size": 3, "icons": [], "annotations": {}, "_meta": {}};
    resource_contents: ResourceContents = {"uri": "a:b", "mimeType": "m", "text": "t", "blob": "aGk=", "_meta": {}};

    tool: Tool = {"name": "n", "title": "t", "description": "d", "inputSchema": {"type": "object", "b": 1, "a": [2]},
        "outputSchema": {"type": "object"}, "execution": {}, "annotations": {}, "icons": [], "_meta": {}};
    tool_execution: ToolExecution = {"taskSupport": "optional"};
    tool_annotations: ToolAnnotations = {"title": "t", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true,
        "openWorldHint": false};
    list_tools_result: ListToolsResult = {"tools": [{"name": "n", "inputSchema": {"type": "object"}}], "nextCursor": "",
        "ttlMs": 0, "cacheScope": "private", "resultType": "complete", "_meta": {}};
    call_tool_result: CallToolResult = {"content": [{"type": "text", "text": "t"}], "structuredContent": null, "isError": true,
        "resultType": "complete", "_meta": {}};

    resource: Resource = {"uri": "a:b", "name": "n", "title": "t", "description": "d", "mimeType": "m", "annotations": {},
        "size": 3, "icons": [{"src": "s"}], "_meta": {}};
    resource_template: ResourceTemplate = {"uriTemplate": "a:{b}", "name": "n", "title": "t", "description": "d", "mimeType": "m",
        "annotations": {}, "icons": [], "_meta": {}};
    list_resources_result: ListResourcesResult = {"resources": [{"uri": "a:b", "name": "n"}], "nextCursor": "c", "ttlMs": 5,
        "cacheScope": "moon", "resultType": "complete", "_meta": {}};
    list_resource_templates_result: ListResourceTemplatesResult = {"resourceTemplates": [{"uriTemplate": "a:{b}", "name": "n"}],
        "nextCursor": "c", "ttlMs": 5, "cacheScope": "public", "resultType": "complete", "_meta": {}};
    read_resource_result: ReadResourceResult = {"contents": [{"uri": "a:b", "text": "t"}], "ttlMs": 5, "cacheScope": "public",
        "resultType": "complete", "_meta": {}};
    subscribe_params: SubscribeParams = {"uri": "a:b", "_meta": {}};
    unsubscribe_params: UnsubscribeParams = {"uri": "a:b", "_meta": {}};
    resource_updated_params: ResourceUpdatedParams = {"uri": "a:b", "_meta": {}};

    prompt: Prompt = {"name": "n", "title": "t", "description": "d", "arguments": [{"name": "a"}], "icons": [], "_meta": {}};
    prompt_argument: PromptArgument = {"name": "n", "title": "t", "description": "d", "required": false};
    prompt_message: PromptMessage = {"role": "assistant", "content": {"type": "text", "text": "t"}};
    list_prompts_result: ListPromptsResult = {"prompts": [{"name": "n"}], "nextCursor": "c", "ttlMs": 5, "cacheScope": "public",
        "resultType": "complete", "_meta": {}};
    get_prompt_result: GetPromptResult = {"description": "d", "messages": [{"role": "user", "content": {"type": "text", "text": "t"}}],
        "resultType": "complete", "_meta": {}};

    complete_params: CompleteParams = {"ref": {"type": "ref/prompt", "name": "n"}, "argument": {"name": "a", "value": "v"},
        "context": {}, "_meta": {}};
    prompt_reference: CompletionReference as CompletionReference::Prompt = {"type": "ref/prompt", "name": "n", "title": "t"};
    resource_template_reference: CompletionReference as CompletionReference::Resource = {"type": "ref/resource", "uri": "a:{b}"};
    completion_argument: CompletionArgument = {"name": "a", "value": "v"};
    completion_context: CompletionContext = {"arguments": {"b": "c"}};
    complete_result: CompleteResult = {"completion": {"values": []}, "resultType": "complete", "_meta": {}};
    completion: Completion = {"values": ["v"], "total": 7, "hasMore": true};

    set_level_params: SetLevelParams = {"level": "alert", "_meta": {}};
    logging_message_params: LoggingMessageParams = {"level": "debug", "logger": "l", "data": null, "_meta": {}};

    create_message_params: CreateMessageParams = {"messages": [{"role": "user", "content": {"type": "text", "text": "t"}}],
        "modelPreferences": {}, "systemPrompt": "s", "includeContext": "thisServer", "temperature": 0.5, "maxTokens": 9,
        "stopSequences": ["."], "metadata": {"a": null}, "tools": [{"name": "t", "inputSchema": {"type": "object"}}],
        "toolChoice": {}, "task": {}, "_meta": {}};
    sampling_message: SamplingMessage = {"role": "user", "content": [], "_meta": {}};
    tool_use: SamplingContent as SamplingContent::ToolUse = {"type": "tool_use", "id": "1", "name": "n", "input": {"a": 1},
        "_meta": {}};
    tool_result: SamplingContent as SamplingContent::ToolResult = {"type": "tool_result", "toolUseId": "1",
        "content": [{"type": "text", "text": "t"}], "structuredContent": null, "isError": true, "_meta": {}};
    sampling_text: SamplingContent as SamplingContent::Text = {"type": "text", "text": "t", "annotations": {}, "_meta": {}};
    sampling_image: SamplingContent as SamplingContent::Image = {"type": "image", "data": "aGk=", "mimeType": "m",
        "annotations": {}, "_meta": {}};
    sampling_audio: SamplingContent as SamplingContent::Audio = {"type": "audio", "data": "aGk=", "mimeType": "m",
        "annotations": {}, "_meta": {}};
    model_preferences: ModelPreferences = {"hints": [{"name": "h"}], "costPriority": 0.5, "speedPriority": 0.25,
        "intelligencePriority": 0.75};
    model_hint: ModelHint = {"name": "h"};
    tool_choice: ToolChoice = {"mode": "required"};
    create_message_result: CreateMessageResult = {"role": "assistant", "content": {"type": "text", "text": "t"}, "model": "m",
        "stopReason": "boredom", "_meta": {}};

    elicit_form_params: ElicitParams as ElicitParams::Form = {"mode": "form", "message": "m",
        "requestedSchema": {"type": "object", "properties": {}}, "task": {"ttl": 1}, "_meta": {}};
    elicit_url_params: ElicitParams as ElicitParams::Url = {"mode": "url", "message": "m", "url": "u", "elicitationId": "e",
        "task": {}, "_meta": {}};
    elicit_result: ElicitResult = {"action": "accept", "content": {"a": ["b"], "c": true}, "_meta": {}};
    elicitation_complete_params: ElicitationCompleteParams = {"elicitationId": "e", "_meta": {}};
    url_elicitation_required_data: UrlElicitationRequiredData = {"elicitations": [
        {"mode": "url", "message": "m", "url": "u", "elicitationId": "e"}]};
    requested_schema: RequestedSchema = {"$schema": "s", "type": "object", "properties": {"z": {"type": "boolean"}},
        "required": ["z"]};
    string_schema: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::String = {"type": "string", "title": "t",
        "description": "d", "minLength": 1, "maxLength": 2, "format": "hostname", "default": ""};
    number_schema: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::Number = {"type": "number", "title": "t",
        "description": "d", "minimum": -0.5, "maximum": 1, "default": 0};
    integer_schema: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::Integer = {"type": "integer", "title": "t",
        "description": "d", "minimum": -1, "maximum": 1, "default": 0};
    boolean_schema: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::Boolean = {"type": "boolean", "title": "t",
        "description": "d", "default": false};
    untitled_single_select: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::UntitledSingleSelect = {"type": "string",
        "title": "t", "description": "d", "enum": ["a"], "default": "a"};
    titled_single_select: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::TitledSingleSelect = {"type": "string",
        "title": "t", "description": "d", "oneOf": [{"const": "a", "title": "A"}], "default": "a"};
    enum_option: EnumOption = {"const": "a", "title": "A"};
    untitled_multi_select: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::UntitledMultiSelect = {"type": "array",
        "title": "t", "description": "d", "items": {"type": "string", "enum": ["a"]}, "minItems": 0, "maxItems": 1, "default": ["a"]};
    enum_items: EnumItems = {"type": "string", "enum": ["a"]};
    titled_multi_select: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::TitledMultiSelect = {"type": "array",
        "title": "t", "description": "d", "items": {"anyOf": []}, "minItems": 0, "maxItems": 1, "default": []};
    titled_enum_items: TitledEnumItems = {"anyOf": [{"const": "a", "title": "A"}]};
    legacy_titled_enum: PrimitiveSchemaDefinition as PrimitiveSchemaDefinition::LegacyTitledEnum = {"type": "string", "title": "t",
        "description": "d", "enum": ["a"], "enumNames": ["A"], "default": "a"};

    root: Root = {"uri": "file:///", "name": "n", "_meta": {}};
    list_roots_params: ListRootsParams = {"_meta": {}};
    list_roots_result: ListRootsResult = {"roots": [{"uri": "file:///"}], "_meta": {}};

    input_required_result: InputRequiredResult = {"inputRequests": {"a": {"method": "roots/list"}}, "requestState": "s",
        "resultType": "input_required", "_meta": {}};
    elicit_request: InputRequest = {"method": "elicitation/create", "params": {"message": "m", "mode": "url", "url": "u", "x": 1}};
    create_message_request: InputRequest = {"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 9}};
    list_roots_request: InputRequest = {"method": "roots/list", "params": {"_meta": {"a": 1}}};
    subscription_filter: SubscriptionFilter = {"toolsListChanged": true, "promptsListChanged": false, "resourcesListChanged": true,
        "resourceSubscriptions": ["a:b"], "taskIds": ["t"]};
    subscriptions_listen_params: SubscriptionsListenParams = {"notifications": {}, "_meta": {}};
    subscriptions_acknowledged_params: SubscriptionsAcknowledgedParams = {"notifications": {}, "_meta": {}};
    subscriptions_listen_result: SubscriptionsListenResult = {"resultType": "complete", "_meta": {}};

    task: Task = {"taskId": "t", "status": "working", "statusMessage": "m", "createdAt": "a", "lastUpdatedAt": "b", "ttlMs": 1,
        "pollIntervalMs": 2};
    create_task_result: CreateTaskResult, task = {"taskId": "t", "status": "working", "createdAt": "a", "lastUpdatedAt": "b",
        "ttlMs": 1, "resultType": "task", "_meta": {}};
    detailed_task: DetailedTask, task = {"taskId": "t", "status": "failed", "createdAt": "a", "lastUpdatedAt": "b", "ttlMs": null,
        "inputRequests": {}, "result": {"content": []}, "error": {"code": 1, "message": "m"}, "resultType": "complete", "_meta": {}};
    task_params: TaskParams = {"taskId": "t", "_meta": {}};
    update_task_params: UpdateTaskParams = {"taskId": "t", "inputResponses": {"a": {"b": [1]}}, "_meta": {}};

    task_metadata: TaskMetadata = {"ttl": 1};
    related_task_metadata: RelatedTaskMetadata = {"taskId": "t"};
    task_2025: tasks_2025::Task = {"taskId": "t", "status": "working", "statusMessage": "m", "createdAt": "a",
        "lastUpdatedAt": "b", "ttl": null, "pollInterval": 2};
    create_task_result_2025: tasks_2025::CreateTaskResult = {"task": {"taskId": "t", "status": "working", "createdAt": "a",
        "lastUpdatedAt": "b", "ttl": 1}, "_meta": {}};
    get_task_result_2025: tasks_2025::GetTaskResult, task = {"taskId": "t", "status": "completed", "createdAt": "a",
        "lastUpdatedAt": "b", "ttl": 1, "_meta": {}};
    list_tasks_result_2025: tasks_2025::ListTasksResult = {"tasks": [], "nextCursor": "c", "_meta": {}};
}
