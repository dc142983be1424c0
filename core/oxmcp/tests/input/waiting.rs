//! What goes on while a handler waits for its client.

use std::sync::Arc;

use oxmcp::server::{Arguments, ToolError};
use oxmcp::{Context, Server};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::wire::{BOTH, Over, Wire, accept, required, said};

fn with_progress() -> Value {
    json!({"name": "ask", "_meta": {"progressToken": "p"}})
}

#[tokio::test]
async fn progress_is_told_before_and_while_the_handler_waits() {
    let server = Server::new("test", "1").tool("ask", "Asks.", |_: Arguments, context: Context| async move {
        context.progress(1.0, Some(2.0), Some("asking"));
        let ask = context.confirm("Sure?");
        let (answer, told) = tokio::join!(ask, async { context.progress(2.0, Some(2.0), None) });
        answer?;
        assert!(told);
        Ok::<_, ToolError>("sure")
    });
    for over in BOTH {
        let mut wire = Wire::session(&server, over, "2025-11-25", json!({"elicitation": {}})).await;
        let id = wire.send("tools/call", with_progress()).await;
        let mut question = Value::Null;
        let mut told = 0;
        while question.is_null() || told < 2 {
            let message = wire.next().await;
            match message["method"].as_str() {
                Some("notifications/progress") => told += 1,
                Some("elicitation/create") => question = message,
                _ => panic!("{message}"),
            }
        }
        wire.respond(&question, accept(json!({"confirm": true}))).await;
        assert_eq!(said(&wire.answer(id).await).0, "sure");

        let mut wire = Wire::stateless(&server, over, json!({"elicitation": {}})).await;
        let id = wire.request("tools/call", with_progress()).await;
        let told = wire.asked("notifications/progress").await;
        assert_eq!(told["params"]["message"], "asking");
        assert_eq!(wire.asked("notifications/progress").await["params"]["progress"], 2.0);
        required(&wire.answer(id).await);
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_takes_its_question_back() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let dropped = Arc::new(Notify::new());
    let notify = dropped.clone();
    let server = Server::new("test", "1").tool("ask", "Asks.", move |_: Arguments, context: Context| {
        let dropped = Dropped(notify.clone());
        async move {
            context.confirm("Sure?").await?;
            drop(dropped);
            Ok::<_, ToolError>("sure")
        }
    });
    for over in BOTH {
        let mut wire = Wire::session(&server, over, "2025-11-25", json!({"elicitation": {}})).await;
        let id = wire.send("tools/call", json!({"name": "ask"})).await;
        let question = wire.asked("elicitation/create").await;
        let cancelled = json!({"requestId": id});
        wire.write(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})).await;
        dropped.notified().await;
        if over == Over::Memory {
            let taken_back = wire.asked("notifications/cancelled").await;
            assert_eq!(taken_back["params"]["requestId"], question["id"]);
        }
    }
}
