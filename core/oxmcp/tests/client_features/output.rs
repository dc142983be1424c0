use std::sync::{Arc, Mutex};

use oxmcp::client::Call;
use oxmcp::{ErrorKind, Method, ProtocolVersion, RawJson};
use serde_json::{Value, json};

use crate::peer::{Peer, connect};

/// Has a tool `t` whose results have a number, and answers its calls with what they want as a result.
fn serve(mut peer: Peer) -> tokio::task::JoinHandle<()> {
    let schema = json!({"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]});
    let tool = json!({"name": "t", "inputSchema": {"type": "object"}, "outputSchema": schema});
    let odd = json!({"name": "odd", "inputSchema": {"type": "object"}, "outputSchema": {"type": 7}});
    tokio::spawn(async move {
        while let Some(request) = peer.next().await {
            let mut result = match request["method"].as_str() {
                Some("tools/list") => json!({"tools": [tool, odd]}),
                _ => request["params"]["arguments"].clone(),
            };
            if result["changed"] == true {
                peer.tell("notifications/tools/list_changed", json!({})).await;
            }
            result["resultType"] = "complete".into();
            peer.answer(&request, result).await;
        }
    })
}

fn structured(content: Value) -> Value {
    json!({"content": [], "structuredContent": content})
}

#[tokio::test]
async fn a_result_that_breaks_the_schema_of_a_listed_tool_is_an_error() {
    for version in [ProtocolVersion::V2025_06_18, ProtocolVersion::V2026_07_28] {
        let (client, peer) = connect(version, |it| it).await;
        serve(peer);
        // It is not known yet.
        client.call_tool("t", structured(json!({"n": "x"}))).await.unwrap();
        client.list_tools().await.unwrap();
        client.call_tool("t", structured(json!({"n": 1}))).await.unwrap();
        client.call_tool("t", json!({"content": [], "isError": true})).await.unwrap();
        client.call_tool("odd", structured(json!({}))).await.unwrap();
        client.call_tool("other", structured(json!({}))).await.unwrap();
        for broken in [structured(json!({"n": "x"})), structured(json!({})), json!({"content": []})] {
            let error = client.call_tool("t", broken).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        }
    }
}

#[tokio::test]
async fn nothing_is_checked_when_that_is_not_wanted_or_the_tools_have_changed() {
    let broken = structured(json!({"n": "x"}));
    let (client, peer) = connect(ProtocolVersion::V2025_11_25, |it| it.check_output(false)).await;
    serve(peer);
    client.list_tools().await.unwrap();
    client.call_tool("t", &broken).await.unwrap();

    let (client, peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    serve(peer);
    client.list_tools().await.unwrap();
    client.call_tool("t", &broken).await.unwrap_err();
    let mut changed = broken.clone();
    changed["changed"] = true.into();
    client.call_tool("t", &changed).await.unwrap();
    client.call_tool("t", &broken).await.unwrap();
}

/// A server by hand whose one tool `t` announces the schema that is there at the time; no schema means that it is not listed, `false` that
/// listing fails. It gives the methods of the requests.
fn serve_changing(mut peer: Peer, schema: Arc<Mutex<Value>>) -> tokio::task::JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(request) = peer.next().await {
            seen.push(request["method"].as_str().unwrap().to_owned());
            let schema = schema.lock().unwrap().clone();
            if request["method"] == "tools/call" {
                let mut result = request["params"]["arguments"].clone();
                result["resultType"] = "complete".into();
                peer.answer(&request, result).await;
            } else if schema == false {
                let error = json!({"code": -32603, "message": "not now"});
                peer.send(json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).await;
            } else {
                let tools = match &schema {
                    Value::Null => json!([]),
                    schema => {
                        json!([{"name": "t", "inputSchema": {"type": "object"}, "outputSchema": schema}])
                    }
                };
                peer.answer(&request, json!({"tools": tools, "resultType": "complete"})).await;
            }
        }
        seen
    })
}

fn object_of(kind: &str) -> Value {
    json!({"type": "object", "properties": {"n": {"type": kind}}})
}

#[tokio::test]
async fn a_result_is_judged_by_what_the_tool_announces_now() {
    for version in [ProtocolVersion::V2025_06_18, ProtocolVersion::V2026_07_28] {
        for (now, kind) in [
            (object_of("string"), None),
            (Value::Null, None),
            (object_of("boolean"), Some(ErrorKind::Protocol)),
            (false.into(), Some(ErrorKind::Protocol)),
        ] {
            let (client, peer) = connect(version, |it| it).await;
            let schema = Arc::new(Mutex::new(object_of("number")));
            let server = serve_changing(peer, schema.clone());
            client.list_tools().await.unwrap();
            *schema.lock().unwrap() = now;
            let result = client.call_tool("t", structured(json!({"n": "x"}))).await;
            assert_eq!(result.err().map(|error| error.kind()), kind);
            drop(client);
            assert_eq!(server.await.unwrap(), ["tools/list", "tools/call", "tools/list"]);
        }
    }
}

#[tokio::test]
async fn many_doubts_at_once_do_not_list_the_tools_once_for_each() {
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    let tool = json!({"name": "t", "inputSchema": {"type": "object"}, "outputSchema": object_of("number")});
    let serve = tokio::spawn(async move {
        let (mut lists, mut called) = (0, Vec::new());
        while let Some(request) = peer.next().await {
            if request["method"] == "tools/list" {
                lists += 1;
                peer.answer(&request, json!({"tools": [&tool]})).await;
                continue;
            }
            called.push(request);
            if called.len() == 20 {
                let answer = |request: &Value| {
                    let result = structured(json!({"n": "x"}));
                    json!({"jsonrpc": "2.0", "id": request["id"], "result": result}).to_string()
                };
                let answers: Vec<String> = called.iter().map(answer).collect();
                peer.send_lines(&answers.join("\n")).await;
            }
        }
        lists
    });
    client.list_tools().await.unwrap();
    let calls = (0..20).map(|_| client.call_tool("t", ()).into_future());
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Protocol);
    }
    drop(client);
    // One for whoever doubted first, and one for those who did while that was on its way.
    assert_eq!(serve.await.unwrap(), 1 + 2);
}

#[tokio::test]
async fn the_result_of_a_started_call_is_judged_in_the_same_way() {
    let (client, peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    let schema = Arc::new(Mutex::new(object_of("number")));
    serve_changing(peer, schema.clone());
    client.list_tools().await.unwrap();
    let call = || {
        let params = json!({"name": "t", "arguments": structured(json!({"n": "x"}))});
        Call::new(Method::CallTool, RawJson::of(&params).unwrap())
    };
    for (now, kind) in [(object_of("boolean"), Some(ErrorKind::Protocol)), (object_of("string"), None)] {
        *schema.lock().unwrap() = now;
        let (done, outcome) = tokio::sync::oneshot::channel();
        client.start(call(), move |result| done.send(result.err().map(|error| error.kind())).unwrap());
        assert_eq!(outcome.await.unwrap(), kind);
    }
}

#[tokio::test]
async fn null_is_a_value_and_no_content_is_wanted_of_revisions_that_have_none() {
    for (version, fails) in [
        (ProtocolVersion::V2024_11_05, false),
        (ProtocolVersion::V2025_03_26, false),
        (ProtocolVersion::V2025_06_18, true),
        (ProtocolVersion::V2026_07_28, true),
    ] {
        let (client, peer) = connect(version, |it| it).await;
        serve_changing(peer, Arc::new(Mutex::new(json!({"type": ["object", "null"]}))));
        client.list_tools().await.unwrap();
        client.call_tool("t", structured(Value::Null)).await.unwrap();
        assert_eq!(client.call_tool("t", json!({"content": []})).await.is_err(), fails, "{version}");
    }
}

#[tokio::test]
async fn a_list_that_was_asked_for_before_the_tools_changed_is_not_remembered() {
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    let listed = async {
        let request = peer.receive().await;
        peer.tell("notifications/tools/list_changed", json!({})).await;
        let tool =
            json!({"name": "t", "inputSchema": {"type": "object"}, "outputSchema": object_of("number")});
        peer.answer(&request, json!({"tools": [tool]})).await;
    };
    let (tools, ()) = tokio::join!(client.list_tools(), listed);
    assert_eq!(tools.unwrap().len(), 1);
    let answered = async {
        let request = peer.receive().await;
        peer.answer(&request, structured(json!({"n": "x"}))).await;
    };
    let (result, ()) = tokio::join!(client.call_tool("t", ()), answered);
    result.unwrap();
}
