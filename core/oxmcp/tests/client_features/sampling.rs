use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp::client::{ClientContext, InputError};
use oxmcp::model::{CreateMessageParams, CreateMessageResult};
use oxmcp::{ErrorObject, Limits, ProtocolVersion};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::peer::connect;

const METHOD: &str = "sampling/createMessage";

fn hello() -> Value {
    json!({"messages": [{"role": "user", "content": {"type": "text", "text": "hello"}}], "maxTokens": 5})
}

async fn echo(params: CreateMessageParams, context: ClientContext) -> CreateMessageResult {
    let text = params.messages[0].content[0].as_text().unwrap_or_default();
    CreateMessageResult::text("m", format!("{} said {text}", context.server_info().name))
}

#[tokio::test]
async fn the_handler_answers_the_server() {
    for version in [ProtocolVersion::V2024_11_05, ProtocolVersion::V2025_11_25] {
        let (_client, mut peer) = connect(version, |it| it.on_sampling(echo)).await;
        assert_eq!(peer.capabilities, json!({"sampling": {}}));
        let answer = peer.ask(METHOD, hello()).await;
        assert_eq!(answer["result"]["content"]["text"], "by hand said hello");
        assert_eq!(answer["result"]["role"], "assistant");
    }
}

#[tokio::test]
async fn sampling_that_was_not_declared_is_refused() {
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    let answer = peer.ask(METHOD, hello()).await;
    assert_eq!(answer["error"]["code"], -32601);
    assert!(answer["error"]["message"].as_str().unwrap().contains("`sampling`"), "{answer}");
}

#[tokio::test]
async fn tools_need_a_capability_of_their_own() {
    let mut params = hello();
    params["tools"] = json!([{"name": "t", "inputSchema": {"type": "object"}}]);
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it.on_sampling(echo)).await;
    assert_eq!(peer.ask(METHOD, params.clone()).await["error"]["code"], -32602);

    let (_client, mut peer) =
        connect(ProtocolVersion::V2025_11_25, |it| it.on_sampling(echo).sampling_tools()).await;
    assert_eq!(peer.capabilities, json!({"sampling": {"tools": {}}}));
    assert_eq!(peer.ask(METHOD, params).await["result"]["model"], "m");
}

#[tokio::test]
async fn uses_of_tools_and_their_results_have_to_fit() {
    let (_client, mut peer) =
        connect(ProtocolVersion::V2025_11_25, |it| it.on_sampling(echo).sampling_tools()).await;
    let says = |role: &str, content: Value| json!({"role": role, "content": content});
    let text = json!({"type": "text", "text": "t"});
    let used = |id: &str| json!({"type": "tool_use", "id": id, "name": "t", "input": {}});
    let came = |id: &str| json!({"type": "tool_result", "toolUseId": id, "content": []});
    let question = says("user", text.clone());
    let good = json!([
        question,
        says("assistant", json!([used("1"), used("2")])),
        says("user", json!([came("2"), came("1")]))
    ]);
    assert_eq!(peer.ask(METHOD, json!({"messages": good, "maxTokens": 1})).await["result"]["model"], "m");
    for bad in [
        json!([question, says("assistant", used("1"))]),
        json!([question, says("assistant", used("1")), question]),
        json!([question, says("assistant", used("1")), says("user", json!([came("1"), text]))]),
        json!([question, says("assistant", json!([used("1"), used("2")])), says("user", came("1"))]),
        json!([question, says("user", came("1"))]),
    ] {
        let answer = peer.ask(METHOD, json!({"messages": bad, "maxTokens": 1})).await;
        assert_eq!(answer["error"]["code"], -32602, "{bad}");
    }
}

#[tokio::test]
async fn a_handler_that_refuses_fails_or_panics_is_an_error_without_its_words() {
    async fn fail(params: CreateMessageParams) -> Result<CreateMessageResult, InputError> {
        match params.max_tokens {
            1 => Err(InputError::Refused),
            2 => Err(InputError::failed("secret")),
            3 => Err(InputError::Rpc(ErrorObject::new(-5, "mine"))),
            _ => panic!("secret"),
        }
    }
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it.on_sampling(fail)).await;
    for (how, code) in [(1, -1), (2, -32603), (3, -5), (4, -32603)] {
        let mut params = hello();
        params["maxTokens"] = how.into();
        let answer = peer.ask(METHOD, params).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert!(!answer.to_string().contains("secret"), "{answer}");
    }
    // The client lives on.
    assert_eq!(peer.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn no_more_handlers_are_at_work_than_the_limit() {
    let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let handler = {
        let (at_work, most, gate) = (at_work.clone(), most.clone(), gate.clone());
        move |_: CreateMessageParams| {
            let (at_work, most, gate) = (at_work.clone(), most.clone(), gate.clone());
            async move {
                most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                at_work.fetch_sub(1, Ordering::SeqCst);
                CreateMessageResult::text("m", "t")
            }
        }
    };
    let limits = Limits::with(|it| it.input_handlers = 3);
    let (_client, mut peer) =
        connect(ProtocolVersion::V2025_11_25, |it| it.on_sampling(handler).limits(limits)).await;
    for id in 0..10 {
        peer.send(json!({"jsonrpc": "2.0", "id": id, "method": METHOD, "params": hello()})).await;
    }
    gate.add_permits(10);
    for _ in 0..10 {
        assert_eq!(peer.receive().await["result"]["model"], "m");
    }
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[tokio::test]
async fn a_cancelled_request_ends_its_handler() {
    let (begun, gone) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    struct Gone(Arc<Semaphore>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let handler = {
        let (begun, gone) = (begun.clone(), gone.clone());
        move |_: CreateMessageParams| {
            let (begun, gone) = (begun.clone(), Gone(gone.clone()));
            async move {
                begun.add_permits(1);
                std::future::pending::<()>().await;
                drop(gone);
                CreateMessageResult::text("m", "t")
            }
        }
    };
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it.on_sampling(handler)).await;
    peer.send(json!({"jsonrpc": "2.0", "id": 7, "method": METHOD, "params": hello()})).await;
    begun.acquire().await.unwrap().forget();
    peer.tell("notifications/cancelled", json!({"requestId": 7})).await;
    gone.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn roots_are_told_while_all_handlers_are_at_work() {
    let begun = Arc::new(Semaphore::new(0));
    let begin = begun.clone();
    let handler = move |_: CreateMessageParams| {
        begin.add_permits(1);
        std::future::pending::<CreateMessageResult>()
    };
    let limits = Limits::with(|it| it.input_handlers = 1);
    let set = |it: oxmcp::client::Connect| {
        it.on_sampling(handler).roots([oxmcp::model::Root::new("file:///r")]).limits(limits)
    };
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, set).await;
    peer.send(json!({"jsonrpc": "2.0", "id": 7, "method": METHOD, "params": hello()})).await;
    begun.acquire().await.unwrap().forget();
    assert_eq!(peer.ask("roots/list", json!({})).await["result"]["roots"][0]["uri"], "file:///r");
}

#[tokio::test]
async fn a_handler_sees_no_wish_for_context_that_was_not_declared() {
    let echo = |params: CreateMessageParams| async move {
        CreateMessageResult::text("m", format!("{:?}", params.include_context))
    };
    for (version, declares, seen) in [
        (ProtocolVersion::V2025_06_18, false, "Some(ThisServer)"),
        (ProtocolVersion::V2025_11_25, false, "None"),
        (ProtocolVersion::V2025_11_25, true, "Some(ThisServer)"),
    ] {
        let set = |it: oxmcp::client::Connect| match declares {
            true => it.on_sampling(echo).sampling_context(),
            false => it.on_sampling(echo),
        };
        let (_client, mut peer) = connect(version, set).await;
        let mut params = hello();
        params["includeContext"] = "thisServer".into();
        let answer = peer.ask(METHOD, params).await;
        assert_eq!(answer["result"]["content"]["text"], seen, "{version}");
    }
}
