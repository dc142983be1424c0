use std::sync::Arc;

use rmcp::handler::server::tool::schema_for_type;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ResourceContents, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::naps::Naps;
use crate::tools::{AUDIO, Add, Count, IMAGE, PAGE_SIZE, RESOURCE, RMCP_TOOLS, Sum};

/// The server made with rmcp.
#[derive(Clone, Default)]
pub struct RmcpServer {
    naps: Naps,
}

impl ServerHandler for RmcpServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("interop-rmcp", "0.1.0"))
            .with_instructions("Call the tools.")
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let start = match request.and_then(|request| request.cursor) {
            None => 0,
            Some(cursor) => cursor.parse().map_err(|_| ErrorData::invalid_params("no such cursor", None))?,
        };
        let mut pages = RMCP_TOOLS[start..].chunks(PAGE_SIZE);
        let tools = pages.next().unwrap_or_default().iter().map(|name| tool(name)).collect();
        let mut result = ListToolsResult::with_all_items(tools);
        result.next_cursor = pages.next().map(|_| (start + PAGE_SIZE).to_string());
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let result = match &*request.name {
            "add" => {
                let Add { a, b } = read(arguments)?;
                CallToolResult::structured(json!(Sum { sum: a + b }))
            }
            "show" => CallToolResult::success(vec![
                ContentBlock::text("text"),
                ContentBlock::image(IMAGE, "image/png"),
                ContentBlock::audio(AUDIO, "audio/wav"),
                ContentBlock::resource(
                    ResourceContents::text(RESOURCE.1, RESOURCE.0).with_mime_type("text/plain"),
                ),
            ]),
            "who" => match context.client_info() {
                Some(client) => text(client.name),
                None => failed("nobody"),
            },
            "count" => count(read(arguments)?, &context).await,
            "fail" => failed("it did not work"),
            "nap" => {
                let _nap = self.naps.nap();
                context.ct.cancelled().await;
                text("woken up".to_owned())
            }
            "naps" => text(self.naps.text()),
            other => return Err(ErrorData::invalid_params(format!("unknown tool: {other}"), None)),
        };
        Ok(result.into())
    }
}

async fn count(Count { to }: Count, context: &RequestContext<RoleServer>) -> CallToolResult {
    if let Some(token) = context.meta.get_progress_token() {
        for step in 1..=to {
            let progress = ProgressNotificationParam::new(token.clone(), step.into())
                .with_total(to.into())
                .with_message(format!("step {step}"));
            if context.peer.notify_progress(progress).await.is_err() {
                return failed("progress could not be reported");
            }
        }
    }
    text(format!("counted to {to}"))
}

fn tool(name: &'static str) -> Tool {
    let schema = match name {
        "add" => schema_for_type::<Add>(),
        "count" => schema_for_type::<Count>(),
        _ => Arc::new(JsonObject::from_iter([("type".to_owned(), "object".into())])),
    };
    Tool::new(name, "Described in the server made with oxmcp.", schema)
}

fn read<T: DeserializeOwned + JsonSchema>(arguments: Value) -> Result<T, ErrorData> {
    serde_json::from_value(arguments).map_err(|error| ErrorData::invalid_params(error.to_string(), None))
}

fn text(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn failed(why: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why)])
}
