use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp::model::{LoggingLevel, ResourceContents};
use oxmcp::server::{Arguments, Elicited, Sample, ToolError, prompt, resource, resource_template};
use oxmcp::{Context, Server};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::{Add, Count};

/// The resource that can be subscribed to.
const NOTE: &str = "test://note";

/// A server that offers each feature once, under the names and with the texts that all servers of the matrix have.
pub fn everything_server() -> Server {
    let waits = Waits::default();
    let counted = waits.clone();
    let server = Server::new("oxmcp", "1")
        .logging()
        .subscribable()
        .tool("add", "Adds.", |Add { a, b }: Add| async move { a + b })
        .tool("fail", "Fails.", || async { Err::<(), _>(ToolError::failed("it failed")) })
        .tool("ask_model", "Asks the client's model.", ask_model)
        .tool("ask_user", "Asks the client's user.", ask_user)
        .tool("show_roots", "Shows the client's roots.", show_roots)
        .tool("log", "Logs.", log)
        .tool("count", "Reports progress.", count)
        .tool("wait", "Waits for ever.", move |_: Arguments, context: Context| wait(context, waits.clone()))
        .tool("waits", "Counts the calls of wait.", move || {
            let text = counted.text();
            async move { text }
        })
        .with(resource(NOTE, "note", "a note").mime_type("text/plain"))
        .with(resource("test://blob", "blob", blob))
        .with(
            resource_template(
                "test://item/{id}",
                "item",
                |Item { id }: Item| async move { format!("item {id}") },
            )
            .mime_type("text/plain")
            .complete("id", ["1", "10", "2"]),
        )
        .with(
            prompt("greet", |Greet { name }: Greet| async move { format!("Hello, {name}!") })
                .complete("name", ["Ada", "Alan", "Bo"]),
        );
    let touched = server.clone();
    server.tool("touch", "Changes the note.", move || {
        touched.resource_updated(NOTE);
        async { "touched" }
    })
}

#[derive(Deserialize)]
struct Item {
    id: String,
}

#[derive(Deserialize, JsonSchema)]
struct Greet {
    name: String,
}

async fn blob() -> ResourceContents {
    ResourceContents::blob("test://blob", "application/octet-stream", "AQID")
}

async fn ask_model(_: Arguments, context: Context) -> Result<String, ToolError> {
    let answer = context.sample(Sample::new("Say something.").max_tokens(10)).await?;
    Ok(format!("the model said: {}", answer.content[0].as_text().unwrap_or_default()))
}

#[derive(Deserialize, JsonSchema)]
struct Question {
    message: String,
}

async fn ask_user(Question { message }: Question, context: Context) -> Result<String, ToolError> {
    Ok(match context.elicit::<Greet>(message).await? {
        Elicited::Accepted(Greet { name }) => format!("accept {name}"),
        Elicited::Declined => "decline".to_owned(),
        Elicited::Cancelled => "cancel".to_owned(),
    })
}

async fn show_roots(_: Arguments, context: Context) -> Result<String, ToolError> {
    let roots = context.list_roots().await?;
    Ok(roots.iter().map(|root| root.uri.as_str()).collect::<Vec<_>>().join(" "))
}

async fn log(_: Arguments, context: Context) -> &'static str {
    context.log(LoggingLevel::Debug, Some("tale"), "once");
    context.log(LoggingLevel::Error, Some("tale"), "the end");
    "logged"
}

async fn count(Count { to }: Count, context: Context) -> &'static str {
    for step in 1..=to {
        context.progress(step.into(), Some(to.into()), Some(&format!("step {step}")));
        // What a handler does at once may be sent together.
        tokio::task::yield_now().await;
    }
    "counted"
}

async fn wait(context: Context, waits: Waits) {
    waits.begun.fetch_add(1, Ordering::SeqCst);
    let _cancelled = Cancelled(waits);
    context.progress(1.0, None, None);
    std::future::pending::<()>().await;
}

/// How many calls of `wait` have begun, and how many of them were cancelled.
#[derive(Clone, Default)]
struct Waits {
    begun: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
}

impl Waits {
    fn text(&self) -> String {
        let count = |it: &AtomicUsize| it.load(Ordering::SeqCst);
        format!("{} begun, {} cancelled", count(&self.begun), count(&self.cancelled))
    }
}

/// Counts a call of `wait` as cancelled when it is dropped.
struct Cancelled(Waits);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}
