//! Tools whose calls go on as tasks.

use std::time::Duration;

use oxmcp::server::{Elicit, TaskMode, ToolError, tool};
use oxmcp::{Context, ErrorObject, Server};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) fn add(server: Server) -> Server {
    let maybe = TaskMode::optional();
    let always = TaskMode::required();
    server
        .tool("greet", "Greets at once.", greet)
        .with(tool("slow_compute", slow_compute).description("Computes for a while.").task(maybe))
        .with(tool("failing_job", failing_job).description("Fails after a second.").task(always))
        .with(tool("protocol_error_job", protocol_error_job).description("Breaks its request.").task(maybe))
        .with(tool("confirm_delete", confirm_delete).description("Asks, then deletes nothing.").task(maybe))
        .with(tool("multi_input", multi_input).description("Asks two things at once.").task(maybe))
        .with(
            tool("test_tool_with_task", ask_first).description("Asks, then works.").task(always.when_asked()),
        )
}

#[derive(Deserialize, JsonSchema)]
struct Name {
    /// A name.
    name: String,
}

async fn greet(Name { name }: Name) -> String {
    format!("Hello, {name}!")
}

#[derive(Deserialize, JsonSchema)]
struct Job {
    /// How long it takes.
    seconds: f64,
    /// What it is called.
    #[serde(default)]
    label: String,
}

async fn slow_compute(Job { seconds, label }: Job) -> Result<String, ToolError> {
    let duration = Duration::try_from_secs_f64(seconds)?;
    tokio::time::sleep(duration).await;
    Ok(format!("computed {label} for {seconds} s"))
}

async fn failing_job() -> Result<String, ToolError> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    Err(ToolError::failed("the job failed"))
}

async fn protocol_error_job() -> Result<String, ToolError> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    Err(ToolError::Rpc(ErrorObject::internal("the job broke its request")))
}

#[derive(Deserialize, JsonSchema)]
struct File {
    /// What to delete.
    filename: String,
}

async fn confirm_delete(File { filename }: File, context: Context) -> Result<String, ToolError> {
    context.confirm(format!("Delete {filename}?")).await?;
    Ok(format!("deleted {filename}"))
}

async fn multi_input(context: Context) -> Result<String, ToolError> {
    let name = context.elicit(Elicit::<Name>::form("What is your name?").key("name"));
    let (name, ()) = tokio::try_join!(name, context.confirm("Are you sure?"))?;
    Ok(format!("{} is sure", name.accepted()?.name))
}

async fn ask_first(context: Context) -> Result<String, ToolError> {
    let Name { name } =
        context.elicit(Elicit::<Name>::form("What is your name?").key("user_name")).await?.accepted()?;
    context.continue_as_task().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(format!("worked for {name}"))
}
