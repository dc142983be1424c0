//! A server that offers every feature. Usage: interop-matrix-rmcp-server stdio | http
//!
//! Over HTTP it prints its URL when it listens, and ends with its standard input.

#![expect(
    deprecated,
    reason = "the SDK warns of features that the newest revision gives up; the matrix uses them on purpose"
)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp_interop::RmcpHttp;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
    CompletionInfo, ContentBlock, CreateMessageRequest, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation, InputRequest,
    InputRequiredResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListRootsRequest, ListRootsResult, ListToolsResult, LoggingLevel, LoggingMessageNotificationParam,
    PaginatedRequestParams, ProgressNotificationParam, Prompt, PromptArgument, PromptMessage,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference,
    Resource, ResourceContents, ResourceTemplate, ResourceUpdatedNotificationParam, Role, SamplingMessage,
    ServerCapabilities, ServerConfig, ServerRequest, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, ServiceError, SubscriptionContext, SubscriptionSink};
use rmcp::transport::io::stdio;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, stdin};
use tokio::sync::watch;

type Context = RequestContext<RoleServer>;

const NOTE: &str = "test://note";
const BLOB: &str = "test://blob";

/// The tools, and the arguments of each with their types.
const TOOLS: [(&str, &[(&str, &str)]); 10] = [
    ("add", &[("a", "integer"), ("b", "integer")]),
    ("fail", &[]),
    ("ask_model", &[]),
    ("ask_user", &[("message", "string")]),
    ("show_roots", &[]),
    ("log", &[]),
    ("count", &[("to", "integer")]),
    ("wait", &[]),
    ("waits", &[]),
    ("touch", &[]),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Everything::default();
    match std::env::args().nth(1).as_deref() {
        Some("stdio") => drop(server.serve(stdio()).await?.waiting().await?),
        Some("http") => {
            let listening = RmcpHttp::listen(server, false).await?;
            println!("{}", listening.url());
            stdin().read_to_end(&mut Vec::new()).await?;
        }
        _ => return Err("usage: interop-matrix-rmcp-server stdio | http".into()),
    }
    Ok(())
}

#[derive(Clone, Default)]
struct Everything {
    begun: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
    /// Who listens in the stateless era.
    listeners: watch::Sender<Vec<SubscriptionSink>>,
}

/// Why a tool has no text to give.
enum Stop {
    /// It needs an answer of the client, which it was not given yet.
    Needs(InputRequest),
    Failed(String),
    Refused(ErrorData),
}

impl From<ErrorData> for Stop {
    fn from(error: ErrorData) -> Self {
        Self::Refused(error)
    }
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl ServerHandler for Everything {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_completions()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tools();
        ServerConfig::new(capabilities.build()).with_server_info(Implementation::new("rmcp", "1"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = TOOLS.map(|(name, arguments)| Tool::new(name, "", Arc::new(schema(arguments))));
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        match self.run(request, &context).await {
            Ok(text) => Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into()),
            Err(Stop::Needs(request)) => {
                let requests = [("question".to_owned(), request)].into();
                Ok(InputRequiredResult::from_input_requests(requests).into())
            }
            Err(Stop::Failed(why)) => Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into()),
            Err(Stop::Refused(error)) => Err(error),
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = vec![Resource::new(NOTE, "note"), Resource::new(BLOB, "blob")];
        Ok(ListResourcesResult::with_all_items(resources))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = vec![ResourceTemplate::new("test://item/{id}", "item")];
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.as_str();
        let contents = match uri.strip_prefix("test://item/") {
            Some(id) => ResourceContents::text(format!("item {id}"), uri),
            None if uri == NOTE => ResourceContents::text("a note", uri),
            None if uri == BLOB => ResourceContents::blob("AQID", uri),
            None => return Err(ErrorData::resource_not_found(format!("there is no {uri}"), None)),
        };
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.listeners.send_modify(|listeners| listeners.push(context.sink().clone()));
        context.cancelled().await;
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        let arguments = vec![PromptArgument::new("name").with_required(true)];
        let greet = Prompt::new("greet", None::<String>, Some(arguments));
        Ok(ListPromptsResult::with_all_items(vec![greet]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = request.arguments.as_ref().and_then(|arguments| arguments.get("name"));
        let Some(Value::String(name)) = name else {
            return Err(ErrorData::invalid_params("greet needs a name", None));
        };
        let message = PromptMessage::new_text(Role::User, format!("Hello, {name}!"));
        Ok(GetPromptResult::new(vec![message]).into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: Context,
    ) -> Result<CompleteResult, ErrorData> {
        let values = match request.r#ref {
            Reference::Prompt(_) => ["Ada", "Alan", "Bo"],
            _ => ["1", "10", "2"],
        };
        let fitting = values.into_iter().filter(|value| value.starts_with(&request.argument.value));
        let completion = CompletionInfo::new(fitting.map(str::to_owned).collect());
        completion.map(CompleteResult::new).map_err(|why| ErrorData::internal_error(why, None))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }
}

impl Everything {
    async fn run(&self, request: CallToolRequestParams, context: &Context) -> Result<String, Stop> {
        let name = request.name.clone();
        let text = match &*name {
            "add" => (argument::<i64>(&request, "a")? + argument::<i64>(&request, "b")?).to_string(),
            "fail" => return Err(Stop::Failed("it failed".to_owned())),
            "ask_model" => ask_model(request, context).await?,
            "ask_user" => ask_user(request, context).await?,
            "show_roots" => show_roots(request, context).await?,
            "log" => {
                log(context, LoggingLevel::Debug, "once").await?;
                log(context, LoggingLevel::Error, "the end").await?;
                "logged".to_owned()
            }
            "count" => {
                let to = argument::<u32>(&request, "to")?;
                for step in 1..=to {
                    report(context, step, Some(to), Some(format!("step {step}"))).await?;
                }
                "counted".to_owned()
            }
            "wait" => {
                self.begun.fetch_add(1, Ordering::SeqCst);
                report(context, 1, None, None).await?;
                context.ct.cancelled().await;
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                "cancelled".to_owned()
            }
            "waits" => {
                let count = |it: &AtomicUsize| it.load(Ordering::SeqCst);
                format!("{} begun, {} cancelled", count(&self.begun), count(&self.cancelled))
            }
            "touch" => {
                self.touch(context).await?;
                "touched".to_owned()
            }
            other => return Err(ErrorData::invalid_params(format!("there is no tool {other}"), None).into()),
        };
        Ok(text)
    }

    async fn touch(&self, context: &Context) -> Result<(), Stop> {
        if !modern(context) {
            let updated = ResourceUpdatedNotificationParam::new(NOTE);
            return Ok(context.peer.notify_resource_updated(updated).await?);
        }
        // The SDK acknowledges a listener before it tells its server of it.
        let mut listeners = self.listeners.subscribe();
        let listening = listeners.wait_for(|listeners| !listeners.is_empty()).await;
        let listening = listening.map_err(|error| Stop::Failed(error.to_string()))?.clone();
        for listener in listening {
            listener.notify_resource_updated(NOTE).await.map_err(|error| Stop::Failed(error.to_string()))?;
        }
        Ok(())
    }
}

async fn ask_model(request: CallToolRequestParams, context: &Context) -> Result<String, Stop> {
    let params = CreateMessageRequestParams::new(vec![SamplingMessage::user_text("Say something.")], 10);
    let question = InputRequest::CreateMessage(CreateMessageRequest::new(params));
    let answer: CreateMessageResult = ask(request, context, question).await?;
    let text = answer.message.content.first().and_then(|content| content.as_text());
    Ok(format!("the model said: {}", text.map_or("", |content| &content.text)))
}

async fn ask_user(request: CallToolRequestParams, context: &Context) -> Result<String, Stop> {
    let message = argument(&request, "message")?;
    let requested_schema = ElicitationSchema::builder().required_string("name").build_unchecked();
    let form = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
    let question = InputRequest::Elicitation(ElicitRequest::new(form));
    let answer: ElicitResult = ask(request, context, question).await?;
    Ok(match answer.action {
        ElicitationAction::Accept => {
            let name = answer.content.as_ref().and_then(|content| content["name"].as_str());
            format!("accept {}", name.unwrap_or_default())
        }
        ElicitationAction::Decline => "decline".to_owned(),
        _ => "cancel".to_owned(),
    })
}

async fn show_roots(request: CallToolRequestParams, context: &Context) -> Result<String, Stop> {
    let question = InputRequest::ListRoots(ListRootsRequest::default());
    let answer: ListRootsResult = ask(request, context, question).await?;
    Ok(answer.roots.into_iter().map(|root| root.uri).collect::<Vec<_>>().join(" "))
}

/// Asks the client: with a request in a session, with an answer that needs input where there is none.
async fn ask<T: DeserializeOwned>(
    request: CallToolRequestParams,
    context: &Context,
    question: InputRequest,
) -> Result<T, Stop> {
    let answer = if modern(context) {
        let given = request.input_responses.and_then(|mut responses| responses.remove("question"));
        given.ok_or(Stop::Needs(question))?
    } else {
        let question = match question {
            InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
            InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
            InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
            other => return Err(Stop::Failed(format!("cannot ask {other:?}"))),
        };
        json!(context.peer.send_request(question).await?)
    };
    serde_json::from_value(answer).map_err(|error| Stop::Failed(format!("what is this answer? {error}")))
}

async fn log(context: &Context, level: LoggingLevel, data: &str) -> Result<(), ServiceError> {
    let message = LoggingMessageNotificationParam::new(level, json!(data)).with_logger("tale");
    context.peer.notify_logging_message(message).await
}

/// Reports progress, if the client asked for it.
async fn report(
    context: &Context,
    progress: u32,
    total: Option<u32>,
    message: Option<String>,
) -> Result<(), ServiceError> {
    let Some(token) = context.meta.get_progress_token() else { return Ok(()) };
    let mut report = ProgressNotificationParam::new(token, progress.into());
    report.total = total.map(f64::from);
    report.message = message;
    context.peer.notify_progress(report).await
}

fn modern(context: &Context) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

fn argument<T: DeserializeOwned>(request: &CallToolRequestParams, name: &str) -> Result<T, ErrorData> {
    let value = request.arguments.as_ref().and_then(|arguments| arguments.get(name));
    serde_json::from_value(value.cloned().unwrap_or_default())
        .map_err(|error| ErrorData::invalid_params(format!("{name}: {error}"), None))
}

fn schema(arguments: &[(&str, &str)]) -> serde_json::Map<String, Value> {
    let properties: Value =
        arguments.iter().map(|(name, kind)| (name.to_string(), json!({"type": kind}))).collect();
    let required: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
    let schema = [("type", json!("object")), ("properties", properties), ("required", json!(required))];
    schema.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}
