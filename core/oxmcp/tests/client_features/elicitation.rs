use oxmcp::client::{InputCall, InputError, InputHandler};
use oxmcp::model::{ElicitAction, ElicitFormParams, ElicitResult, ElicitUrlParams, Extra};
use oxmcp::{ProtocolVersion, RawJson};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::peer::connect;

const METHOD: &str = "elicitation/create";

fn form() -> Value {
    json!({"message": "Who?", "requestedSchema": {"type": "object", "properties": {
        "name": {"type": "string", "minLength": 2},
        "email": {"type": "string", "format": "email"},
        "age": {"type": "integer", "default": 30},
        "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "default": ["a"]},
    }, "required": ["name"]}})
}

fn accepts(
    content: Value,
) -> impl Fn(ElicitFormParams) -> std::future::Ready<ElicitResult> + Clone + Send + Sync {
    let content: Extra = serde_json::from_value(content).unwrap();
    move |_| std::future::ready(ElicitResult::accept(content.clone()))
}

#[tokio::test]
async fn what_is_accepted_has_the_defaults_of_the_form() {
    let handler = accepts(json!({"name": "Ann", "color": "green"}));
    for version in [ProtocolVersion::V2025_06_18, ProtocolVersion::V2025_11_25] {
        let (_client, mut peer) = connect(version, |it| it.on_elicitation(handler.clone())).await;
        assert_eq!(peer.capabilities, json!({"elicitation": {"form": {}}}));
        let answer = peer.ask(METHOD, form()).await;
        let content = json!({"name": "Ann", "color": "green", "age": 30, "tags": ["a"]});
        assert_eq!(answer["result"], json!({"action": "accept", "content": content}));
    }
}

#[tokio::test]
async fn what_does_not_meet_the_form_never_goes_out() {
    for wrong in [
        json!({}),
        json!({"name": "A"}),
        json!({"name": "Ann", "age": "old"}),
        json!({"name": "Ann", "color": "blue"}),
        json!({"name": "Ann", "email": "nowhere"}),
    ] {
        let (_client, mut peer) =
            connect(ProtocolVersion::V2025_11_25, |it| it.on_elicitation(accepts(wrong.clone()))).await;
        let answer = peer.ask(METHOD, form()).await;
        assert_eq!(answer["error"]["code"], -32603, "{wrong}");
        assert_eq!(answer["result"], Value::Null);
    }
}

#[tokio::test]
async fn a_decline_has_no_content() {
    let handler = |_: ElicitFormParams| async {
        let content = Extra::from_iter([("name".to_owned(), json!("Ann"))]);
        ElicitResult { action: ElicitAction::Decline, ..ElicitResult::accept(content) }
    };
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it.on_elicitation(handler)).await;
    assert_eq!(peer.ask(METHOD, form()).await["result"], json!({"action": "decline"}));
}

#[tokio::test]
async fn a_mode_that_was_not_declared_is_refused() {
    let url =
        json!({"mode": "url", "message": "Pay.", "url": "https://example.com/pay", "elicitationId": "1"});
    let (_client, mut peer) =
        connect(ProtocolVersion::V2025_11_25, |it| it.on_elicitation(accepts(json!({"name": "Ann"})))).await;
    assert_eq!(peer.ask(METHOD, url.clone()).await["error"]["code"], -32602);

    let agree = |_: ElicitUrlParams| async { ElicitResult::of(ElicitAction::Accept) };
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it.on_url_elicitation(agree)).await;
    assert_eq!(peer.capabilities, json!({"elicitation": {"url": {}}}));
    assert_eq!(peer.ask(METHOD, url).await["result"], json!({"action": "accept"}));
    assert_eq!(peer.ask(METHOD, form()).await["error"]["code"], -32602);
    for url in [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://example.com/pay",
        "https://bank.example@evil.example/",
        "app://open",
    ] {
        let bad = json!({"mode": "url", "message": "Pay.", "url": url, "elicitationId": "1"});
        assert_eq!(peer.ask(METHOD, bad).await["error"]["code"], -32602, "{url}");
    }
    let local =
        json!({"mode": "url", "message": "Pay.", "url": "http://127.0.0.1:8000/pay", "elicitationId": "1"});
    assert_eq!(peer.ask(METHOD, local).await["result"], json!({"action": "accept"}));
    let bad = json!({"mode": "url", "message": "Pay.", "url": "not a url", "elicitationId": "1"});
    assert_eq!(peer.ask(METHOD, bad).await["error"]["code"], -32602);
}

#[tokio::test]
async fn a_form_that_is_none_is_refused_before_the_handler_sees_it() {
    let handler = |_: ElicitFormParams| async { panic!("asked") as ElicitResult };
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it.on_elicitation(handler)).await;
    for bad in [
        json!({"message": "Who?"}),
        json!({"requestedSchema": {"type": "object", "properties": {}}}),
        json!({"message": "Who?", "requestedSchema": {"type": "string"}}),
        json!({"message": "Who?", "requestedSchema": {"type": "object", "$ref": "http://127.0.0.1:1/schema"}}),
        json!({"message": "Who?", "mode": "telepathy"}),
    ] {
        assert_eq!(peer.ask(METHOD, bad.clone()).await["error"]["code"], -32602, "{bad}");
    }
}

#[tokio::test]
async fn a_handler_of_raw_json_is_checked_like_any_other() {
    struct Raw(&'static str);
    impl InputHandler for Raw {
        fn answer(
            &self,
            _: InputCall,
        ) -> futures_util::future::BoxFuture<'static, Result<RawJson, InputError>> {
            let answer = RawJson::parse(self.0.as_bytes()).unwrap();
            Box::pin(async { Ok(answer) })
        }
    }
    for (raw, outcome) in [
        (r#"{"action":"accept","content":{"name":"Ann"}}"#, "result"),
        (r#"{"action":"yes"}"#, "error"),
        (r#"{"action":"accept"}"#, "error"),
        ("[]", "error"),
    ] {
        let (_client, mut peer) =
            connect(ProtocolVersion::V2025_11_25, |it| it.on_elicitation(Raw(raw))).await;
        assert!(peer.ask(METHOD, form()).await.get(outcome).is_some(), "{raw}");
    }
}

#[tokio::test]
async fn the_end_of_an_elicitation_is_told_once_and_only_if_it_was_asked_for() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let agree = |_: ElicitUrlParams| async { ElicitResult::of(ElicitAction::Accept) };
    let (_client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| {
        it.on_url_elicitation(agree).on_elicitation_complete(move |id, context| {
            told.send((id, context.meta().map(|meta| meta.as_str().to_owned()))).unwrap();
        })
    })
    .await;
    let page = |id: &str| json!({"mode": "url", "message": "Pay.", "url": "https://example.com/pay", "elicitationId": id});
    let complete = "notifications/elicitation/complete";
    peer.tell(complete, json!({"elicitationId": 1})).await;
    peer.tell(complete, json!({"elicitationId": "unknown"})).await;
    peer.ask(METHOD, page("x")).await;
    peer.tell(complete, json!({"elicitationId": "x"})).await;
    peer.tell(complete, json!({"elicitationId": "x"})).await;
    peer.ask(METHOD, page("y")).await;
    peer.tell(complete, json!({"elicitationId": "y", "_meta": {"a": 1}})).await;
    // This overtakes its question.
    peer.tell(complete, json!({"elicitationId": "z"})).await;
    peer.ask(METHOD, page("z")).await;
    let mut all = Vec::new();
    while all.len() < 3 {
        all.push(heard.recv().await.unwrap());
    }
    assert_eq!(
        all,
        [("x".to_owned(), None), ("y".to_owned(), Some(r#"{"a":1}"#.to_owned())), ("z".to_owned(), None)]
    );
}
