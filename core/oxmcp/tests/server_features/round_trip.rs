use oxmcp::client::{Connect, ServerList};
use oxmcp::model::{CompletionReference, LoggingLevel};
use oxmcp::server::{Arguments, prompt};
use oxmcp::{Client, Context, ProtocolVersion, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Deserialize, JsonSchema)]
struct Greet {
    name: String,
}

fn server() -> Server {
    Server::new("test", "1")
        .logging()
        .subscribable()
        .tool("work", "Logs.", |_: Arguments, ctx: Context| async move { ctx.error("trouble").to_string() })
        .resource("a:1", "1", "one")
        .resource_template("greet:{name}", "greet", |Greet { name }: Greet| async move {
            format!("Hello {name}.")
        })
        .with(
            prompt("greet", |Greet { name }: Greet| async move { format!("Greet {name}.") })
                .complete("name", ["Ann", "Bo"]),
        )
}

fn connect(connect: Connect, version: ProtocolVersion, heard: &UnboundedSender<String>) -> Connect {
    let [lists, resources, logs] = [heard, heard, heard].map(Clone::clone);
    connect
        .only(version)
        .on_log(LoggingLevel::Error, move |message, _| drop(logs.send(message.data.to_string())))
        .on_list_changed(move |list, _| {
            drop(lists.send(if list == ServerList::Tools { "tools".into() } else { format!("{list:?}") }))
        })
        .on_resource_updated(move |uri, _| drop(resources.send(uri)))
}

#[tokio::test]
async fn a_client_has_all_that_a_server_offers_in_every_revision_and_over_http_too() {
    for version in ProtocolVersion::ALL {
        for over_http in [false, true] {
            let server = server();
            let listening = server.listen(0).await.unwrap();
            let (heard, mut hear) = unbounded_channel();
            let target = match over_http {
                true => Client::connect(listening.url()),
                false => Client::connect(server.clone()),
            };
            let client = connect(target, version, &heard)
                .await
                .unwrap_or_else(|error| panic!("{version} {over_http}: {error}"));
            let read = client.read_resource("greet:Ann").await.unwrap();
            assert_eq!(read.contents[0].text.as_deref(), Some("Hello Ann."));
            assert_eq!(client.list_resource_templates().await.unwrap()[0].uri_template, "greet:{name}");
            let prompt = client.get_prompt("greet", json!({"name": "Bo"})).await.unwrap();
            assert_eq!(prompt.messages[0].content.as_text(), Some("Greet Bo."));
            if version >= ProtocolVersion::V2025_03_26 {
                let proposed =
                    client.complete(CompletionReference::prompt("greet"), "name", "a").await.unwrap();
                assert_eq!(proposed.completion.values, ["Ann"]);
            }
            assert_eq!(client.call_tool("work", json!({})).await.unwrap().joined_text(), "true");
            assert_eq!(hear.recv().await.unwrap(), "\"trouble\"");
            client.subscribe("a:1").await.unwrap();
            server.resource_updated("a:1");
            assert_eq!(hear.recv().await.unwrap(), "a:1", "{version} {over_http}");
            server.disable_tool("work");
            assert_eq!(hear.recv().await.unwrap(), "tools", "{version} {over_http}");
            client.close().await.unwrap();
            listening.close().await;
        }
    }
}
