//! The client before a server of ours, in memory and over HTTP, in both eras.

use std::time::Duration;

use oxmcp::client::ServerList;
use oxmcp::model::CompletionReference;
use oxmcp::server::{CachePolicy, List};
use oxmcp::{Client, ErrorKind, ProtocolVersion, Server};
use serde_json::json;
use tokio::sync::mpsc;

const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

fn server() -> Server {
    Server::new("s", "1")
        .subscribable()
        .cache_list(List::Tools, CachePolicy::private(Duration::from_secs(3600)))
        .tool("one", "One.", || async { "1" })
        .resource("a:1", "1", || async { "text" })
        .prompt("plain", "Plain.", || async { "say it" })
}

#[tokio::test]
async fn what_changes_at_the_server_is_heard() {
    let server = server();
    let listening = server.listen(0).await.unwrap();
    for version in ERAS {
        for over_http in [false, true] {
            let (told, mut heard) = mpsc::unbounded_channel();
            let tell = told.clone();
            let connect = match over_http {
                true => Client::connect(listening.url()),
                false => Client::connect(server.clone()),
            };
            let client = connect
                .only(version)
                .on_list_changed(move |list, _| drop(tell.send(format!("{list:?}"))))
                .on_resource_updated(move |uri, _| drop(told.send(uri)))
                .await
                .unwrap();
            client.subscribe("a:1").await.unwrap();
            assert_eq!(client.list_tools().await.unwrap().len(), 1, "{version}");
            // Over HTTP in the handshake era, the stream for it is opened in the background; it may not be there yet.
            let server = server.clone().tool("two", "Two.", || async { "2" });
            if !(over_http && version == ProtocolVersion::V2025_11_25) {
                assert_eq!(heard.recv().await.unwrap(), format!("{:?}", ServerList::Tools));
                // It may have been kept until then.
                assert_eq!(client.list_tools().await.unwrap().len(), 2);
                server.resource_updated("a:1");
                while heard.recv().await.unwrap() != "a:1" {}
            }
            client.unsubscribe("a:1").await.unwrap();
            client.close().await.unwrap();
            assert!(server.remove_tool("two"));
        }
    }
    listening.close().await;
}

#[tokio::test]
async fn everything_that_a_server_has_is_used_in_both_eras() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        assert_eq!(client.list_resources().await.unwrap()[0].uri, "a:1");
        assert!(client.list_resource_templates().await.unwrap().is_empty());
        let read = client.read_resource("a:1").await.unwrap();
        assert_eq!(read.contents[0].text.as_deref(), Some("text"));
        assert_eq!(client.read_resource("a:2").await.unwrap_err().kind(), ErrorKind::Rpc);
        assert_eq!(client.list_prompts().await.unwrap()[0].name, "plain");
        assert_eq!(client.get_prompt("plain", json!({})).await.unwrap().messages.len(), 1);
        let reference = CompletionReference::prompt("plain");
        // This server proposes nothing, and did not declare that it does.
        let proposed = client.complete(reference, "a", "b").context("c", "d").await;
        assert_eq!(proposed.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
