//! Apps: what a server says of them, what a client reads of that, in both eras.

use oxmcp::apps::{AppResource, Csp, EXTENSION, MIME_TYPE, ToolUi, Visibility, app};
use oxmcp::server::{Arguments, tool};
use oxmcp::{Client, Context, ProtocolVersion, Server};
use serde_json::json;

const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

fn server() -> Server {
    let needs = AppResource {
        csp: Some(Csp { connect_domains: vec!["https://api.example.com".to_owned()], ..Csp::default() }),
        prefers_border: Some(true),
        ..AppResource::default()
    };
    let shown = async |_: Arguments, context: Context| context.shows_apps();
    Server::new("test", "1")
        .apps()
        .with(tool("shown", shown).ui(ToolUi::new("ui://test/app")))
        .with(tool("inner", async || "inner").ui(ToolUi::default().visibility([Visibility::App])))
        .with(tool("plain", async || "plain"))
        .with(app("ui://test/app", "app", "<p>Hello</p>", needs))
}

#[tokio::test]
async fn a_client_finds_the_app_of_a_tool_and_what_it_needs() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).apps().await.unwrap();
        assert!(client.has_extension(EXTENSION));
        let tools = client.list_tools().await.unwrap();
        assert_eq!(tools[0].meta.as_ref().unwrap()["ui"], json!({"resourceUri": "ui://test/app"}));
        assert_eq!(tools[1].meta.as_ref().unwrap()["ui"], json!({"visibility": ["app"]}));
        let shown = ToolUi::of(&tools[0]).unwrap();
        assert!(shown.is_visible_to(Visibility::Model) && shown.is_visible_to(Visibility::App));
        assert!(!ToolUi::of(&tools[1]).unwrap().is_visible_to(Visibility::Model));
        assert_eq!(ToolUi::of(&tools[2]), None);

        let resources = client.list_resources().await.unwrap();
        assert_eq!(resources[0].mime_type.as_deref(), Some(MIME_TYPE));
        let read = client.read_resource(shown.resource_uri.unwrap()).await.unwrap();
        assert_eq!(read.contents[0].text.as_deref(), Some("<p>Hello</p>"));
        let needs = AppResource::of(&read.contents[0]).unwrap();
        assert_eq!(needs.csp.unwrap().connect_domains, ["https://api.example.com"]);
        assert_eq!((needs.prefers_border, needs.permissions), (Some(true), None));
    }
}

#[tokio::test]
async fn a_handler_knows_whether_its_client_shows_apps() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).apps().await.unwrap();
        assert_eq!(client.call_tool("shown", json!({})).await.unwrap().joined_text(), "true");
        let other = json!({"mimeTypes": ["text/markdown"]});
        let client = Client::connect(server()).only(version).extension(EXTENSION, other).await.unwrap();
        assert_eq!(client.call_tool("shown", json!({})).await.unwrap().joined_text(), "false");
        let client = Client::connect(server()).only(version).await.unwrap();
        assert_eq!(client.call_tool("shown", json!({})).await.unwrap().joined_text(), "false");
    }
}
