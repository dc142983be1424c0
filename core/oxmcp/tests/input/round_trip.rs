//! Both halves together: a server that asks and a client that answers, in either era, in memory and over HTTP.

use oxmcp::model::{
    CreateMessageParams, CreateMessageResult, ElicitAction, ElicitFormParams, ElicitResult, Extra, Role,
    Root, SamplingContent,
};
use oxmcp::server::{HandlerError, Sample, ToolError};
use oxmcp::transport::{HttpOptions, HttpServer};
use oxmcp::{Client, Context, ErrorKind, ProtocolVersion, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{BOTH, Over, tool};

const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

async fn everything(context: Context) -> Result<String, ToolError> {
    let name = context.elicit::<Name>("Who?").await?.accepted()?.name;
    let said = context.sample(Sample::new(format!("Greet {name}")).system_prompt("Be short.")).await?;
    let roots = context.list_roots().await?;
    Ok(format!("{} in {}", said.content[0].as_text().unwrap_or_default(), roots[0].uri))
}

fn server() -> Server {
    Server::new("test", "1")
        .tool("everything", "Asks for everything.", tool!(everything))
        .prompt("greet", "Greets.", |context: Context| async move {
            let name = context.elicit::<Name>("Who?").await?.accepted()?.name;
            Ok::<_, HandlerError>(format!("Greet {name}."))
        })
        .resource("test://name", "name", |context: Context| async move {
            Ok::<_, HandlerError>(context.elicit::<Name>("Who?").await?.accepted()?.name)
        })
}

/// A client that answers everything with Ann, and what it is connected to.
async fn connect(over: Over, version: ProtocolVersion) -> (Client, Option<HttpServer>) {
    let (connecting, http) = match over {
        Over::Memory => (Client::connect(server()), None),
        Over::Http => {
            let http = server().listen(HttpOptions::default()).await.unwrap();
            (Client::connect(http.url()), Some(http))
        }
    };
    let client = connecting
        .only(version)
        .on_elicitation(|form: ElicitFormParams| async move {
            assert_eq!(form.message, "Who?");
            ElicitResult::accept(Extra::from_iter([("name".to_owned(), Value::from("Ann"))]))
        })
        .on_sampling(|asked: CreateMessageParams| async move {
            assert_eq!(asked.system_prompt.as_deref(), Some("Be short."));
            let text = asked.messages[0].content[0].as_text().unwrap().replace("Greet", "Hello");
            CreateMessageResult {
                role: Role::Assistant,
                content: vec![SamplingContent::text(text)],
                model: "m".to_owned(),
                stop_reason: None,
                meta: None,
                extra: Extra::new(),
            }
        })
        .roots([Root::new("file:///work")])
        .await
        .unwrap();
    (client, http)
}

#[tokio::test]
async fn a_tool_a_prompt_and_a_resource_may_ask_in_either_era() {
    for over in BOTH {
        for version in ERAS {
            let (client, _http) = connect(over, version).await;
            let result = client.call_tool("everything", json!({})).await.unwrap();
            assert_eq!(result.joined_text(), "Hello Ann in file:///work", "{over:?} {version}");
            let prompt = client.get_prompt("greet", json!({})).await.unwrap();
            let prompt = serde_json::to_value(prompt).unwrap();
            assert_eq!(prompt["messages"][0]["content"]["text"], "Greet Ann.", "{over:?} {version}");
            let read = serde_json::to_value(client.read_resource("test://name").await.unwrap()).unwrap();
            assert_eq!(read["contents"][0]["text"], "Ann", "{over:?} {version}");
        }
    }
}

#[tokio::test]
async fn a_client_without_handlers_is_not_asked() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        let outcome = client.call_tool("everything", json!({})).await;
        let read = client.read_resource("test://name").await.unwrap_err();
        match version {
            ProtocolVersion::V2026_07_28 => {
                let error = outcome.unwrap_err();
                assert_eq!((error.kind(), error.rpc().unwrap().code), (ErrorKind::Rpc, -32021));
                assert_eq!(read.rpc().unwrap().code, -32021);
            }
            _ => {
                let result = outcome.unwrap();
                assert!(result.is_error && result.joined_text().contains("did not declare"));
                assert!(read.to_string().contains("did not declare"), "{read}");
            }
        }
    }
}

#[tokio::test]
async fn a_user_who_declines_ends_the_handler_in_either_era() {
    for version in ERAS {
        let client = Client::connect(server())
            .only(version)
            .on_elicitation(|_: ElicitFormParams| async { ElicitResult::of(ElicitAction::Decline) })
            .await
            .unwrap();
        let result = client.call_tool("everything", json!({})).await.unwrap();
        assert!(result.is_error && result.joined_text().contains("declined"), "{}", result.joined_text());
        let prompt = client.get_prompt("greet", json!({})).await.unwrap_err();
        assert!(prompt.to_string().contains("declined"), "{prompt}");
    }
}
