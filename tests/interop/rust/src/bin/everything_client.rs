//! The client of the matrix.
//!
//! Usage: interop-everything-client REVISION | auto FEATURE[,FEATURE...] URL | COMMAND [ARGS...]

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oxmcp::client::{Connect, Target};
use oxmcp::model::{
    CompletionReference, Content, CreateMessageParams, CreateMessageResult, ElicitAction, ElicitFormParams,
    ElicitResult, Extra, LoggingLevel, ResourceContents, Root,
};
use oxmcp::{Client, Command, ProtocolVersion};
use oxmcp_interop::{Outcome, drive};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const USAGE: &str = "usage: interop-everything-client REVISION | auto FEATURES URL | COMMAND [ARGS...]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [revision, features, target, rest @ ..] = &args[..] else { return Err(USAGE.into()) };
    let target: Target = match target.starts_with("http") {
        true => target.as_str().into(),
        false => Command::new(target).args(rest).into(),
    };
    let (told, heard) = mpsc::unbounded_channel();
    let connect = answering(Client::connect(target), &told);
    let client = match revision.as_str() {
        "auto" => connect.await?,
        pinned => connect.only(pinned.parse::<ProtocolVersion>()?).await?,
    };
    let mut driver = Driver { client: client.clone(), heard };
    drive(client.protocol_version().as_str(), features, async |feature| driver.exercise(feature).await).await;
    client.close().await?;
    Ok(())
}

/// What a server asks and tells.
fn answering(connect: Connect, told: &mpsc::UnboundedSender<Value>) -> Connect {
    let (logs, updates) = (told.clone(), told.clone());
    connect
        .on_sampling(echo)
        .on_elicitation(name)
        .roots([Root::new("file:///work/a"), Root::new("file:///work/b")])
        .on_log(LoggingLevel::Debug, move |message, _| {
            // The receiver lives as long as the program.
            _ = logs.send(json!([message.level, message.logger, message.data]));
        })
        .on_resource_updated(move |uri, _| _ = updates.send(json!(uri)))
}

async fn echo(params: CreateMessageParams) -> CreateMessageResult {
    let asked = params.messages.last().and_then(|message| message.content.first());
    let text = asked.and_then(|content| content.as_text()).unwrap_or_default();
    CreateMessageResult::text("test-model", format!("Echo: {text}"))
}

async fn name(form: ElicitFormParams) -> ElicitResult {
    match form.message.as_str() {
        "Your name?" => ElicitResult::accept(Extra::from_iter([("name".to_owned(), json!("Ada"))])),
        _ => ElicitResult::of(ElicitAction::Decline),
    }
}

struct Driver {
    client: Client,
    /// Log messages and URIs of changed resources.
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
            "elicitation" => self.elicitation().await,
            "roots" => Ok(json!(self.call("show_roots", json!({})).await?)),
            "logging" => self.logging().await,
            "progress" => self.progress().await,
            "cancellation" => self.cancellation().await,
            "subscriptions" => self.subscriptions().await,
            other => Err(format!("there is no feature {other}").into()),
        }
    }

    async fn call(&self, tool: &str, arguments: Value) -> oxmcp::Result<String> {
        Ok(self.client.call_tool(tool, arguments).await?.joined_text())
    }

    async fn tools(&self) -> Outcome {
        let mut names: Vec<String> =
            self.client.list_tools().await?.into_iter().map(|tool| tool.name).collect();
        names.sort();
        let failed = self.client.call_tool("fail", json!({})).await?;
        Ok(json!({
            "names": names,
            "sum": self.call("add", json!({"a": 2, "b": 3})).await?,
            "failed": failed.is_error && failed.joined_text().contains("it failed"),
        }))
    }

    async fn resources(&self) -> Outcome {
        let mut uris: Vec<String> =
            self.client.list_resources().await?.into_iter().map(|resource| resource.uri).collect();
        uris.sort();
        let templates = self.client.list_resource_templates().await?;
        Ok(json!({
            "uris": uris,
            "templates": templates.into_iter().map(|template| template.uri_template).collect::<Vec<_>>(),
            "note": self.read("test://note").await?,
            "blob": self.read("test://blob").await?,
            "item": self.read("test://item/7").await?,
        }))
    }

    async fn read(&self, uri: &str) -> oxmcp::Result<Value> {
        let read = self.client.read_resource(uri).await?;
        Ok(read.contents.iter().map(held).collect())
    }

    async fn prompts(&self) -> Outcome {
        let names: Vec<String> =
            self.client.list_prompts().await?.into_iter().map(|prompt| prompt.name).collect();
        let prompt = self.client.get_prompt("greet", json!({"name": "Ada"})).await?;
        let text = prompt.messages.iter().map(|message| match &message.content {
            Content::Text(block) => json!(block.text),
            other => json!(other),
        });
        Ok(json!({"names": names, "messages": text.collect::<Vec<_>>()}))
    }

    async fn completion(&self) -> Outcome {
        let prompt = CompletionReference::prompt("greet");
        let template = CompletionReference::resource("test://item/{id}");
        let names = self.client.complete(prompt, "name", "A").await?;
        let ids = self.client.complete(template, "id", "1").await?;
        Ok(json!({"names": names.completion.values, "ids": ids.completion.values}))
    }

    async fn elicitation(&self) -> Outcome {
        Ok(json!([
            self.call("ask_user", json!({"message": "Your name?"})).await?,
            self.call("ask_user", json!({"message": "Your password?"})).await?,
        ]))
    }

    async fn logging(&mut self) -> Outcome {
        self.call("log", json!({})).await?;
        Ok(json!([self.heard.recv().await, self.heard.recv().await]))
    }

    async fn progress(&self) -> Outcome {
        let (told, mut heard) = mpsc::unbounded_channel();
        let text = self
            .client
            .call_tool("count", json!({"to": 3}))
            .on_progress(move |report| {
                _ = told.send(json!([report.progress, report.total, report.message]));
            })
            .await?
            .joined_text();
        let mut reports = Vec::new();
        while let Some(report) = heard.recv().await {
            reports.push(report);
        }
        Ok(json!({"text": text, "reports": reports}))
    }

    async fn cancellation(&self) -> Outcome {
        let (begun, wait) = tokio::sync::oneshot::channel();
        let begun = Arc::new(Mutex::new(Some(begun)));
        let call = self.client.call_tool("wait", json!({})).on_progress(move |_| {
            if let Some(begun) = begun.lock().ok().and_then(|mut begun| begun.take()) {
                _ = begun.send(());
            }
        });
        tokio::select! {
            result = call.into_future() => return Err(format!("it did not wait: {result:?}").into()),
            _ = wait => {}
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
        self.client.subscribe("test://note").await?;
        self.call("touch", json!({})).await?;
        let updated = self.heard.recv().await;
        self.client.unsubscribe("test://note").await?;
        Ok(json!(updated))
    }
}

/// The text of a resource, or its bytes in base64.
fn held(contents: &ResourceContents) -> Value {
    let json = json!(contents);
    json.get("text").or_else(|| json.get("blob")).cloned().unwrap_or_default()
}
