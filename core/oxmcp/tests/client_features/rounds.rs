use std::sync::{Arc, Mutex};

use oxmcp::client::{Call, InputError};
use oxmcp::model::{
    CreateMessageParams, CreateMessageResult, ElicitAction, ElicitFormParams, ElicitResult, Extra, Root,
};
use oxmcp::{ErrorKind, Limits, Method, ProtocolVersion, RawJson};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use crate::peer::{Peer, connect};

const STATELESS: ProtocolVersion = ProtocolVersion::V2026_07_28;

async fn yes(_: ElicitFormParams) -> ElicitResult {
    ElicitResult::accept(Extra::from_iter([("ok".to_owned(), json!(true))]))
}

async fn sample(_: CreateMessageParams) -> CreateMessageResult {
    CreateMessageResult::text("m", "Paris")
}

fn question() -> Value {
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}});
    json!({"method": "elicitation/create", "params": {"message": "Sure?", "requestedSchema": schema}})
}

fn wanted(requests: Value) -> Value {
    json!({"resultType": "input_required", "inputRequests": requests})
}

fn done() -> Value {
    json!({"resultType": "complete", "content": [{"type": "text", "text": "done"}]})
}

fn call() -> Call {
    Call::new(Method::CallTool, RawJson::of(&json!({"name": "t", "arguments": {"a": 1}})).unwrap())
}

/// Answers the requests with these results, one after the other, and gives the requests.
async fn serve(peer: &mut Peer, results: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut seen = Vec::new();
    for result in results {
        let request = peer.receive().await;
        peer.answer(&request, result).await;
        seen.push(request);
    }
    seen
}

#[tokio::test]
async fn a_call_goes_on_with_the_input_that_the_server_needs() {
    let (client, mut peer) =
        connect(STATELESS, |it| it.on_elicitation(yes).on_sampling(sample).roots([Root::new("file:///r")]))
            .await;
    let sampling = json!({"messages": [], "maxTokens": 1});
    let first = json!({
        "sure": question(),
        "capital": {"method": "sampling/createMessage", "params": sampling},
        "where": {"method": "roots/list"},
    });
    let state = "{ \"odd\":\tstate} \u{1F980} \"\\";
    let mut first = wanted(first);
    first["requestState"] = state.into();
    let second = wanted(json!({"again": question()}));
    let (seen, result) = tokio::join!(
        serve(&mut peer, [first, second, done()]),
        client.call_tool("t", json!({"a": 1})).meta("mine", 1)
    );
    assert_eq!(result.unwrap().joined_text(), "done");
    let ids: Vec<_> = seen.iter().map(|request| request["id"].as_i64().unwrap()).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    for request in &seen {
        assert_eq!(request["params"]["name"], "t");
        assert_eq!(request["params"]["arguments"], json!({"a": 1}));
        assert_eq!(request["params"]["_meta"]["mine"], 1);
        assert_eq!(request["params"]["_meta"]["progressToken"], request["id"]);
    }
    assert_eq!(seen[0]["params"].get("inputResponses"), None);
    let responses = &seen[1]["params"]["inputResponses"];
    assert_eq!(responses["sure"], json!({"action": "accept", "content": {"ok": true}}));
    assert_eq!(responses["capital"]["content"]["text"], "Paris");
    assert_eq!(responses["where"]["roots"], json!([{"uri": "file:///r"}]));
    assert_eq!(seen[1]["params"]["requestState"], state);
    // The state of one round is not that of the next.
    assert_eq!(seen[2]["params"].get("requestState"), None);
    assert_eq!(seen[2]["params"]["inputResponses"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn prompts_and_resources_may_need_input_and_nothing_else() {
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(yes)).await;
    let prompt = json!({"resultType": "complete", "messages": []});
    let (_, prompt) = tokio::join!(
        serve(&mut peer, [wanted(json!({"q": question()})), prompt]),
        client.get_prompt("p", json!({}))
    );
    assert!(prompt.unwrap().messages.is_empty());
    let resource = json!({"resultType": "complete", "contents": []});
    let (_, resource) = tokio::join!(
        serve(&mut peer, [wanted(json!({"q": question()})), resource]),
        client.read_resource("x:y")
    );
    assert!(resource.unwrap().contents.is_empty());
    let (_, list) = tokio::join!(serve(&mut peer, [wanted(json!({"q": question()}))]), client.list_prompts());
    assert_eq!(list.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_state_alone_means_to_try_again() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let wait = json!({"resultType": "input_required", "requestState": "later"});
    let (seen, result) =
        tokio::join!(serve(&mut peer, [wait.clone(), wait, done()]), client.call_tool("t", json!({})));
    assert_eq!(result.unwrap().joined_text(), "done");
    assert_eq!(seen[2]["params"]["requestState"], "later");
    assert_eq!(seen[2]["params"].get("inputResponses"), None);
}

#[tokio::test]
async fn input_that_the_server_must_not_ask_for_fails_the_call_and_asks_nobody() {
    let asked = Arc::new(Mutex::new(0));
    let handler = {
        let asked = asked.clone();
        move |params: ElicitFormParams| {
            *asked.lock().unwrap() += 1;
            yes(params)
        }
    };
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(handler)).await;
    for bad in [
        json!({"q": question(), "s": {"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}}}),
        json!({"q": question(), "t": {"method": "tools/call", "params": {}}}),
        json!({"q": question(), "x": {"method": "x/y"}}),
        json!({"q": question(), "n": 1}),
        json!({"q": question(), "u": {"method": "elicitation/create", "params": {"mode": "url", "message": "m", "url": "https://x"}}}),
        json!([question()]),
    ] {
        let (_, result) =
            tokio::join!(serve(&mut peer, [wanted(bad.clone())]), client.call_tool("t", json!({})));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Protocol, "{bad}");
    }
    for bad in
        [json!({"resultType": "input_required"}), json!({"resultType": "input_required", "requestState": 1})]
    {
        let (_, result) = tokio::join!(serve(&mut peer, [bad.clone()]), client.call_tool("t", json!({})));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Protocol, "{bad}");
    }
    assert_eq!(*asked.lock().unwrap(), 0);
    // Nothing was sent in between.
    let (seen, result) = tokio::join!(serve(&mut peer, [done()]), client.call_tool("last", json!({})));
    assert_eq!((seen[0]["params"]["name"].as_str(), result.is_ok()), (Some("last"), true));
}

#[tokio::test]
async fn a_decline_is_an_answer_and_a_failure_is_none() {
    let no = |_: ElicitFormParams| async { ElicitResult::of(ElicitAction::Decline) };
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(no)).await;
    let (seen, result) = tokio::join!(
        serve(&mut peer, [wanted(json!({"q": question()})), done()]),
        client.call_tool("t", json!({}))
    );
    assert!(result.is_ok());
    assert_eq!(seen[1]["params"]["inputResponses"]["q"], json!({"action": "decline"}));

    for (how, kind) in [
        (0, ErrorKind::Cancelled),
        (1, ErrorKind::Internal),
        (2, ErrorKind::Internal),
        (3, ErrorKind::Internal),
    ] {
        let handler = move |_: ElicitFormParams| async move {
            match how {
                0 => Err(InputError::Refused),
                1 => Err(InputError::failed("no screen")),
                2 => panic!("no hands"),
                _ => Ok(ElicitResult::accept(Extra::from_iter([("ok".to_owned(), json!("what"))]))),
            }
        };
        let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(handler)).await;
        let (_, result) = tokio::join!(
            serve(&mut peer, [wanted(json!({"q": question()}))]),
            client.call_tool("t", json!({}))
        );
        assert_eq!(result.unwrap_err().kind(), kind);
        drop(client);
        assert_eq!(peer.next().await, None, "nothing more is sent");
    }
}

#[tokio::test]
async fn a_server_that_always_needs_more_is_given_up() {
    let limits = Limits::with(|it| it.input_rounds = 3);
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(yes).limits(limits)).await;
    let more = wanted(json!({"q": question()}));
    let (seen, result) = tokio::join!(serve(&mut peer, vec![more; 4]), client.call_tool("t", json!({})));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded);
    assert_eq!(seen.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn all_rounds_together_have_one_time() {
    let never = |_: ElicitFormParams| std::future::pending::<ElicitResult>();
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(never)).await;
    let call = client.call_tool("t", json!({})).max_timeout(std::time::Duration::from_secs(5));
    let (_, result) = tokio::join!(serve(&mut peer, [wanted(json!({"q": question()}))]), call);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_started_call_goes_on_too() {
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(yes)).await;
    let (done_, outcome) = oneshot::channel();
    client.start(call(), move |result| done_.send(result.map_err(|error| error.kind())).unwrap());
    let seen = serve(&mut peer, [wanted(json!({"q": question()})), done()]).await;
    assert!(outcome.await.unwrap().is_ok());
    assert_eq!(seen[1]["params"]["inputResponses"]["q"]["action"], "accept");
}

/// A handler that tells when it began, and when it was dropped.
fn endless(
    begun: &Arc<Semaphore>,
    gone: &Arc<Semaphore>,
) -> impl Fn(ElicitFormParams) -> futures_util::future::BoxFuture<'static, ElicitResult> + Send + Sync + use<>
{
    struct Gone(Arc<Semaphore>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let (begun, gone) = (begun.clone(), gone.clone());
    move |_| {
        let (begun, gone) = (begun.clone(), Gone(gone.clone()));
        Box::pin(async move {
            let _gone = gone;
            begun.add_permits(1);
            std::future::pending().await
        })
    }
}

#[tokio::test]
async fn cancelling_a_started_call_ends_its_handlers() {
    let (begun, gone) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(endless(&begun, &gone))).await;
    let (done, outcome) = oneshot::channel();
    let started =
        client.start(call(), move |result| done.send(result.map_err(|error| error.kind())).unwrap());
    serve(&mut peer, [wanted(json!({"q": question()}))]).await;
    begun.acquire().await.unwrap().forget();
    assert!(started.cancel());
    assert_eq!(outcome.await.unwrap().unwrap_err(), ErrorKind::Cancelled);
    gone.acquire().await.unwrap().forget();
    assert!(!started.cancel());
}

#[tokio::test]
async fn dropping_a_call_ends_its_handlers_or_the_round_in_flight() {
    let (begun, gone) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(endless(&begun, &gone))).await;
    let task = tokio::spawn(client.call_tool("t", json!({})).into_future());
    serve(&mut peer, [wanted(json!({"q": question()}))]).await;
    begun.acquire().await.unwrap().forget();
    task.abort();
    gone.acquire().await.unwrap().forget();

    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(yes)).await;
    let task = tokio::spawn(client.call_tool("t", json!({})).into_future());
    serve(&mut peer, [wanted(json!({"q": question()}))]).await;
    let second = peer.receive().await;
    task.abort();
    let cancelled = peer.receive().await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], second["id"]);
}

#[tokio::test]
async fn the_end_of_the_connection_ends_a_call_that_waits_for_input() {
    let (begun, gone) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(endless(&begun, &gone))).await;
    let task = tokio::spawn(client.call_tool("t", json!({})).into_future());
    serve(&mut peer, [wanted(json!({"q": question()}))]).await;
    begun.acquire().await.unwrap().forget();
    drop(peer);
    assert_eq!(task.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    gone.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn a_server_that_needs_too_much_at_once_is_given_up_and_asks_nobody() {
    let asked = Arc::new(Mutex::new(0));
    let asking = asked.clone();
    let count = move |form: ElicitFormParams| {
        *asking.lock().unwrap() += 1;
        yes(form)
    };
    let limits = Limits::with(|it| it.inputs = 2);
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(count).limits(limits)).await;
    let three = wanted(json!({"a": question(), "b": question(), "c": question()}));
    let (_, result) = tokio::join!(serve(&mut peer, [three]), client.call(call()));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded);
    assert_eq!(*asked.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_nothing_but_time_has_the_time_of_the_call() {
    let limits = Limits::with(|it| it.input_rounds = 1);
    let (client, mut peer) = connect(STATELESS, |it| it.on_elicitation(yes).limits(limits)).await;
    let later = json!({"resultType": "input_required", "requestState": "later"});
    let mut results = vec![later.clone(); 40];
    results.push(wanted(json!({"q": question()})));
    results.extend(vec![later.clone(); 40]);
    results.push(done());
    let (_, result) = tokio::join!(serve(&mut peer, results), client.call(call()));
    assert!(result.is_ok());

    let call = client.call(call().max_timeout(std::time::Duration::from_secs(30)));
    let always = async {
        loop {
            serve(&mut peer, [later.clone()]).await;
        }
    };
    let result = tokio::select! {
        result = call => result,
        () = always => unreachable!(),
    };
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
}
