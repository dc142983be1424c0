use futures_util::TryStreamExt;
use oxmcp::model::CompletionReference;
use oxmcp::{ErrorKind, ProtocolVersion};
use serde_json::{Value, json};

use crate::peer::{Peer, connect};

/// Answers two pages of whatever list is asked for, each with one item.
fn serve_lists(mut peer: Peer) {
    tokio::spawn(async move {
        while let Some(request) = peer.next().await {
            let is_last = request["params"]["cursor"] == "next";
            let name = if is_last { "b" } else { "a" };
            let (member, item) = match request["method"].as_str().unwrap() {
                "tools/list" => ("tools", json!({"name": name, "inputSchema": {"type": "object"}})),
                "resources/list" => ("resources", json!({"name": name, "uri": "x:y"})),
                "resources/templates/list" => {
                    ("resourceTemplates", json!({"name": name, "uriTemplate": "x:{y}"}))
                }
                "prompts/list" => ("prompts", json!({"name": name})),
                other => panic!("{other}"),
            };
            let mut page = json!({member: [item], "resultType": "complete"});
            if !is_last {
                page["nextCursor"] = "next".into();
            }
            peer.answer(&request, page).await;
        }
    });
}

#[tokio::test]
async fn every_list_is_read_whole_by_page_and_one_by_one() {
    for version in [ProtocolVersion::V2025_03_26, ProtocolVersion::V2026_07_28] {
        let (client, peer) = connect(version, |it| it).await;
        serve_lists(peer);
        macro_rules! read {
            ($list:ident, $page:ident, $items:ident) => {{
                let all = client.$list().await.unwrap();
                assert_eq!(all.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
                let streamed: Vec<_> = client.$list().stream().try_collect().await.unwrap();
                assert_eq!(streamed, all);
                let page = client.$page(Some("next")).await.unwrap();
                assert_eq!(page.$items, all[1..]);
                assert_eq!(client.$page(None).await.unwrap().next_cursor.as_deref(), Some("next"));
            }};
        }
        read!(list_tools, list_tools_page, tools);
        read!(list_resources, list_resources_page, resources);
        read!(list_resource_templates, list_resource_templates_page, resource_templates);
        read!(list_prompts, list_prompts_page, prompts);
    }
}

#[tokio::test]
async fn requests_carry_what_they_are_given() {
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    let serve = async {
        let mut seen = Vec::new();
        for result in [
            json!({"contents": [{"uri": "x:y", "text": "t"}]}),
            json!({"messages": [{"role": "user", "content": {"type": "text", "text": "t"}}]}),
            json!({"completion": {"values": ["paris"]}}),
        ] {
            let request = peer.receive().await;
            peer.answer(&request, result).await;
            seen.push(request);
        }
        seen
    };
    let call = async {
        let read = client.read_resource("x:y").meta("traceparent", "00-1-2-01").await.unwrap();
        assert_eq!(read.contents[0].text.as_deref(), Some("t"));
        let prompt = client.get_prompt("p", json!({"a": "1"})).await.unwrap();
        assert_eq!(prompt.messages.len(), 1);
        let argument =
            client.complete(CompletionReference::prompt("p"), "city", "pa").context("country", "fr");
        assert_eq!(argument.await.unwrap().completion.values, ["paris"]);
    };
    let (seen, ()) = tokio::join!(serve, call);
    assert_eq!(seen[0]["params"]["uri"], "x:y");
    assert_eq!(seen[0]["params"]["_meta"]["traceparent"], "00-1-2-01");
    assert_eq!(seen[1]["params"]["arguments"], json!({"a": "1"}));
    let completion = json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "city", "value": "pa"},
        "context": {"arguments": {"country": "fr"}}});
    assert_eq!(seen[2]["params"], completion);
    assert_eq!(seen[2]["params"]["_meta"], Value::Null);
}

#[tokio::test]
async fn what_the_server_did_not_declare_is_not_asked_for() {
    let server = oxmcp::Server::new("s", "1");
    let client = oxmcp::Client::connect(server).await.unwrap();
    for error in [
        client.list_resources().await.unwrap_err(),
        client.read_resource("x:y").await.unwrap_err(),
        client.list_prompts().await.unwrap_err(),
        client.complete(CompletionReference::prompt("p"), "a", "").await.unwrap_err(),
        client.set_log_level(oxmcp::model::LoggingLevel::Info).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[tokio::test]
async fn arguments_are_an_object_or_nothing() {
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    let serve = async {
        let mut seen = Vec::new();
        for result in [json!({"content": []}), json!({"messages": []}), json!({"content": []})] {
            let request = peer.receive().await;
            peer.answer(&request, result).await;
            seen.push(request["params"].clone());
        }
        seen
    };
    let call = async {
        for wrong in [json!(5), json!([1]), json!("{}"), json!(true)] {
            let error = client.call_tool("t", &wrong).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misuse, "{wrong}");
            assert_eq!(client.get_prompt("p", wrong).await.unwrap_err().kind(), ErrorKind::Misuse);
        }
        let call = client.call_tool("t", ()).meta("com.example/x", f64::NAN).meta("com.example/y", NoJson);
        assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Misuse);
        client.call_tool("t", ()).await.unwrap();
        client.get_prompt("p\"", None::<()>).await.unwrap();
        client.call_tool(String::from("t"), oxmcp::RawJson::parse(&b"{ }"[..]).unwrap()).await.unwrap();
    };
    let (seen, ()) = tokio::join!(serve, call);
    let named = |params: &Value| (params["name"].clone(), params.get("arguments").cloned());
    let seen: Vec<_> = seen.iter().map(named).collect();
    assert_eq!(seen, [(json!("t"), None), (json!("p\""), None), (json!("t"), Some(json!({})))]);
}

/// Something that no JSON can say.
struct NoJson;

impl serde::Serialize for NoJson {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no words"))
    }
}
