use oxmcp::model::LoggingLevel;
use oxmcp::server::Arguments;
use oxmcp::{Context, Server};
use serde_json::{Value, json};

use super::wire::Wire;

fn server() -> Server {
    Server::new("test", "1").tool("work", "Logs at every level.", |_: Arguments, ctx: Context| async move {
        let sent = LoggingLevel::ALL.map(|level| ctx.log(level, Some("disk"), &json!({"level": level})));
        sent.map(|sent| if sent { '1' } else { '0' }).iter().collect::<String>()
    })
}

/// Calls the tool: the levels that were heard of, and what the handler was told of sending.
async fn work(wire: &mut Wire, meta: Value) -> (Vec<String>, Value) {
    let (told, answer) = wire.ask("tools/call", json!({"name": "work", "_meta": meta})).await;
    let levels = told.iter().map(|message| {
        assert_eq!(message["method"], "notifications/message");
        assert_eq!(
            (&message["params"]["logger"], &message["params"]["data"]["level"]),
            (&json!("disk"), &message["params"]["level"])
        );
        message["params"]["level"].as_str().unwrap().to_owned()
    });
    (levels.collect(), answer["result"]["content"][0]["text"].clone())
}

#[tokio::test]
async fn a_session_hears_what_it_asked_for() {
    let mut wire = Wire::session(&server().logging(), "2025-11-25").await;
    assert_eq!(wire.initialized["capabilities"]["logging"], json!({}));
    let (levels, sent) = work(&mut wire, json!({})).await;
    assert_eq!((levels.len(), levels[0].as_str(), sent), (7, "info", json!("01111111")));
    for (level, count) in [("emergency", 1), ("debug", 8), ("error", 4)] {
        let (_, answer) = wire.ask("logging/setLevel", json!({"level": level})).await;
        assert_eq!(answer["result"], json!({}));
        assert_eq!(work(&mut wire, json!({})).await.0.len(), count);
    }
    let (_, answer) = wire.ask("logging/setLevel", json!({"level": "loud"})).await;
    assert_eq!(answer["error"]["code"], -32602);
}

#[tokio::test]
async fn a_stateless_request_hears_what_it_asked_for() {
    let mut wire = Wire::stateless(&server().logging());
    let (_, discovered) = wire.ask("server/discover", json!({})).await;
    assert_eq!(discovered["result"]["capabilities"]["logging"], json!({}));
    assert_eq!(work(&mut wire, json!({})).await, (vec![], json!("00000000")));
    let (levels, sent) = work(&mut wire, json!({"io.modelcontextprotocol/logLevel": "alert"})).await;
    assert_eq!((levels, sent), (vec!["alert".to_owned(), "emergency".to_owned()], json!("00000011")));
    let (_, answer) = wire
        .ask("tools/call", json!({"name": "work", "_meta": {"io.modelcontextprotocol/logLevel": "loud"}}))
        .await;
    assert_eq!(answer["error"]["code"], -32602);
    let (_, answer) = wire.ask("logging/setLevel", json!({"level": "info"})).await;
    assert_eq!(answer["error"]["code"], -32601);
}

#[tokio::test]
async fn a_server_that_did_not_say_so_does_not_log() {
    let mut wire = Wire::session(&server(), "2025-06-18").await;
    assert!(wire.initialized["capabilities"].get("logging").is_none());
    assert_eq!(work(&mut wire, json!({})).await, (vec![], json!("00000000")));
    let (_, answer) = wire.ask("logging/setLevel", json!({"level": "info"})).await;
    assert_eq!(answer["error"]["code"], -32601);
    let mut wire = Wire::stateless(&server());
    let meta = json!({"io.modelcontextprotocol/logLevel": "debug"});
    assert_eq!(work(&mut wire, meta).await, (vec![], json!("00000000")));
}
