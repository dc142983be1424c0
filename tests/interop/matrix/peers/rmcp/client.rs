//! A client that uses every feature. Usage: interop-matrix-rmcp-client REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]

#![expect(
    deprecated,
    reason = "the SDK warns of features that the newest revision gives up; the matrix uses them on purpose"
)]

use std::error::Error;
use std::time::Duration;

use oxmcp_interop::{Outcome, drive};
use rmcp::model::{
    ArgumentInfo, CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig,
    CompleteRequestParams, ContentBlock, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequestParams, ElicitResult, ElicitationAction, GetPromptRequestParams, Implementation,
    ListRootsResult, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam,
    ProtocolVersion, ReadResourceRequestParams, Reference, ResourceContents,
    ResourceUpdatedNotificationParam, Root, SamplingMessage, ServerNotification, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt, NotificationContext, RequestContext, RunningService, ServiceError,
};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ErrorData, RoleClient};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const NOTE: &str = "test://note";
const USAGE: &str = "usage: interop-matrix-rmcp-client REVISION FEATURES URL | COMMAND [ARGS...]";

// The SDK gives each notification a task; with one thread they run in the order in which they came.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [revision, features, target, rest @ ..] = &args[..] else { return Err(USAGE.into()) };
    let modern = revision.as_str() >= ProtocolVersion::V_2026_07_28.as_str();
    let lifecycle = match modern {
        true => ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
        false => ClientLifecycleMode::Initialize,
    };
    let (told, heard) = mpsc::unbounded_channel();
    let user = User { told };
    let client = if target.starts_with("http") {
        let http = StreamableHttpClientTransport::from_uri(target.as_str());
        user.serve_with_lifecycle(http, lifecycle).await?
    } else {
        let mut command = tokio::process::Command::new(target);
        command.args(rest);
        user.serve_with_lifecycle(TokioChildProcess::new(command)?, lifecycle).await?
    };
    let agreed =
        client.peer_info().ok_or("nobody told which revision is spoken")?.protocol_version.to_string();
    let mut driver = Driver { client, modern, heard };
    drive(&agreed, features, async |feature| driver.exercise(feature).await).await;
    driver.client.cancel().await?;
    Ok(())
}

/// Answers what the server asks, and passes on what it tells: log messages, URIs of changed resources, and progress.
struct User {
    told: mpsc::UnboundedSender<Value>,
}

impl User {
    fn tell(&self, what: Value) {
        // The receiver lives as long as the client.
        _ = self.told.send(what);
    }
}

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let capabilities =
            ClientCapabilities::builder().enable_roots().enable_sampling().enable_elicitation();
        ClientConfig::new(capabilities.build(), Implementation::new("rmcp", "1"))
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let asked = params.messages.last().and_then(|message| message.content.first());
        let text = asked.and_then(|content| content.as_text()).map_or("", |content| &content.text);
        let message = SamplingMessage::assistant_text(format!("Echo: {text}"));
        Ok(CreateMessageResult::new(message, "test-model".to_owned()))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(match request {
            ElicitRequestParams::FormElicitationParams { message, .. } if message == "Your name?" => {
                ElicitResult::new(ElicitationAction::Accept).with_content(json!({"name": "Ada"}))
            }
            _ => ElicitResult::new(ElicitationAction::Decline),
        })
    }

    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(vec![Root::new("file:///work/a"), Root::new("file:///work/b")]))
    }

    async fn on_logging_message(
        &self,
        message: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.tell(json!([message.level, message.logger, message.data]));
    }

    async fn on_resource_updated(
        &self,
        update: ResourceUpdatedNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.tell(json!(update.uri));
    }

    async fn on_progress(&self, report: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.tell(json!([report.progress, report.total, report.message]));
    }
}

struct Driver {
    client: RunningService<RoleClient, User>,
    modern: bool,
    heard: mpsc::UnboundedReceiver<Value>,
}

impl Driver {
    async fn exercise(&mut self, feature: &str) -> Outcome {
        match feature {
            "tools" => self.tools().await,
            "resources" => self.resources().await,
            "prompts" => self.prompts().await,
            "completion" => self.completion().await,
            "sampling" => Ok(json!(self.call("ask_model", json!({})).await?)),
            "elicitation" => Ok(json!([
                self.call("ask_user", json!({"message": "Your name?"})).await?,
                self.call("ask_user", json!({"message": "Your password?"})).await?,
            ])),
            "roots" => Ok(json!(self.call("show_roots", json!({})).await?)),
            "logging" => self.logging().await,
            "progress" => self.progress().await,
            "cancellation" => self.cancellation().await,
            "subscriptions" => self.subscriptions().await,
            other => Err(format!("there is no feature {other}").into()),
        }
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> Result<String, ServiceError> {
        Ok(text(&self.client.call_tool(call(tool, arguments)).await?))
    }

    async fn tools(&self) -> Outcome {
        let tools = self.client.list_all_tools().await?;
        let mut names: Vec<String> = tools.into_iter().map(|tool| tool.name.into_owned()).collect();
        names.sort();
        let failed = self.client.call_tool(call("fail", json!({}))).await?;
        Ok(json!({
            "names": names,
            "sum": self.call("add", json!({"a": 2, "b": 3})).await?,
            "failed": failed.is_error == Some(true) && text(&failed).contains("it failed"),
        }))
    }

    async fn resources(&self) -> Outcome {
        let resources = self.client.list_all_resources().await?;
        let mut uris: Vec<String> = resources.into_iter().map(|resource| resource.uri).collect();
        uris.sort();
        let templates = self.client.list_all_resource_templates().await?;
        Ok(json!({
            "uris": uris,
            "templates": templates.into_iter().map(|template| template.uri_template).collect::<Vec<_>>(),
            "note": self.read(NOTE).await?,
            "blob": self.read("test://blob").await?,
            "item": self.read("test://item/7").await?,
        }))
    }

    async fn read(&self, uri: &str) -> Result<Vec<String>, ServiceError> {
        let read = self.client.read_resource(ReadResourceRequestParams::new(uri)).await?;
        Ok(read.contents.into_iter().map(held).collect())
    }

    async fn prompts(&self) -> Outcome {
        let prompts = self.client.list_all_prompts().await?;
        let arguments = json!({"name": "Ada"}).as_object().cloned().unwrap_or_default();
        let greet = GetPromptRequestParams::new("greet").with_arguments(arguments);
        let messages = self.client.get_prompt(greet).await?.messages;
        Ok(json!({
            "names": prompts.into_iter().map(|prompt| prompt.name).collect::<Vec<_>>(),
            "messages": messages.iter().map(|message| said(&message.content)).collect::<Vec<_>>(),
        }))
    }

    async fn completion(&self) -> Outcome {
        let values = async |reference, name: &str, value: &str| {
            let request = CompleteRequestParams::new(reference, ArgumentInfo::new(name, value));
            self.client.complete(request).await.map(|it| it.completion.values)
        };
        Ok(json!({
            "names": values(Reference::for_prompt("greet"), "name", "A").await?,
            "ids": values(Reference::for_resource("test://item/{id}"), "id", "1").await?,
        }))
    }

    async fn logging(&mut self) -> Outcome {
        let mut log = call("log", json!({}));
        if self.modern {
            log.meta.get_or_insert_default().set_log_level(LoggingLevel::Debug);
        } else {
            self.client.set_level(SetLevelRequestParams::new(LoggingLevel::Debug)).await?;
        }
        self.client.call_tool(log).await?;
        Ok(json!([self.heard.recv().await, self.heard.recv().await]))
    }

    async fn progress(&mut self) -> Outcome {
        let text = self.call("count", json!({"to": 3})).await?;
        // The tasks that take the reports may run after the call's.
        let reports = [self.heard.recv().await, self.heard.recv().await, self.heard.recv().await];
        Ok(json!({"text": text, "reports": reports}))
    }

    async fn cancellation(&mut self) -> Outcome {
        let Self { client, heard, .. } = self;
        tokio::select! {
            result = client.call_tool(call("wait", json!({}))) => {
                return Err(format!("it did not wait: {result:?}").into());
            }
            _ = heard.recv() => {}
        }
        loop {
            let waits = self.call("waits", json!({})).await?;
            if waits == "1 begun, 1 cancelled" {
                return Ok(json!(waits));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn subscriptions(&mut self) -> Outcome {
        if self.modern {
            let filter = SubscriptionFilter::builder().resource_subscription(NOTE).build();
            let mut subscription = self.client.listen(filter).await?;
            self.call("touch", json!({})).await?;
            let told = subscription.next().await?;
            subscription.cancel().await?;
            return match told {
                Some(ServerNotification::ResourceUpdatedNotification(update)) => Ok(json!(update.params.uri)),
                other => Err(format!("told {other:?}").into()),
            };
        }
        self.client.subscribe(SubscribeRequestParams::new(NOTE)).await?;
        self.call("touch", json!({})).await?;
        let updated = self.heard.recv().await;
        self.client.unsubscribe(UnsubscribeRequestParams::new(NOTE)).await?;
        Ok(json!(updated))
    }
}

fn call(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool).with_arguments(arguments.as_object().cloned().unwrap_or_default())
}

fn text(result: &CallToolResult) -> String {
    result.content.iter().map(said).collect()
}

fn said(content: &ContentBlock) -> &str {
    content.as_text().map_or("", |block| &block.text)
}

/// The text of a resource, or its bytes in base64.
fn held(contents: ResourceContents) -> String {
    match contents {
        ResourceContents::TextResourceContents { text, .. } => text,
        ResourceContents::BlobResourceContents { blob, .. } => blob,
        other => format!("{other:?}"),
    }
}
