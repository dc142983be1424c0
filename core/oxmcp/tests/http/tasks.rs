use oxmcp::server::{Arguments, TaskMode, ToolError};
use oxmcp::transport::HttpOptions;
use oxmcp::{Context, Server};
use serde_json::{Value, json};

use crate::handshake::{post, request};
use crate::wire::Raw;

#[tokio::test]
async fn a_question_that_one_request_cannot_carry_is_left_to_another() {
    let server = Server::new("wire", "1.0.0").task_tool(
        "confirm",
        "Asks once.",
        TaskMode::optional(),
        |_: Arguments, context: Context| async move {
            context.confirm("Really?").await?;
            Ok::<_, ToolError>("confirmed")
        },
    );
    let server = server.listen(HttpOptions::default()).await.unwrap();
    let address = server.local_addr();
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "wire", "version": "0"}});
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    let opened = Raw::post(initialize.to_string()).send(address).await;
    let session = opened.header("mcp-session-id").unwrap();
    let call = json!({"name": "confirm", "arguments": {}, "task": {}});
    let created = request(session, 1, "tools/call", call).send(address).await.json();
    let id = &created["result"]["task"]["taskId"];
    let result = |at: u64| request(session, at, "tasks/result", json!({"taskId": id}));

    // This one takes no events, and nobody listens.
    let deaf = result(2).without("Accept").header("Accept", "application/json");
    let deaf = tokio::spawn(async move { deaf.send(address).await });
    let mut carrying = result(3).open(address).await;
    let question = loop {
        carrying.read_until("elicitation/create").await;
        carrying.read_until("\n\n").await;
        let found =
            carrying.response.events().into_iter().find(|event| event["method"] == "elicitation/create");
        if let Some(found) = found {
            break found;
        }
    };
    let accepted = json!({"action": "accept", "content": {"confirm": true}});
    let answer: Value = json!({"jsonrpc": "2.0", "id": question["id"], "result": accepted});
    assert_eq!(post(session, &answer).send(address).await.status, 202);
    carrying.read_to_end().await;
    let done = carrying.response.events().pop().unwrap();
    assert_eq!(done["result"]["content"][0]["text"], "confirmed");
    assert_eq!(deaf.await.unwrap().json()["result"]["content"][0]["text"], "confirmed");
}
