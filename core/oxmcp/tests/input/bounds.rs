//! What a request may ask for, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oxmcp::server::{Arguments, Elicit, InputErrorKind, ToolError};
use oxmcp::{Context, Limits, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::wire::{Over, Wire, accept, error, required, said, tool};

#[derive(Deserialize, JsonSchema)]
struct Text {
    text: String,
}

async fn wire(server: &Server) -> Wire {
    Wire::stateless(server, Over::Memory, json!({"elicitation": {}})).await
}

/// Answers every question with the same text until there is no further one.
async fn answer_all(wire: &mut Wire, tool: &str, text: &str) -> (usize, Value) {
    let mut more = json!({});
    for round in 0.. {
        let answer = wire.call(tool, more).await;
        if answer["result"]["resultType"] != "input_required" {
            return (round, answer);
        }
        let asked = required(&answer);
        let answers: Map<String, Value> =
            asked.requests.iter().map(|(key, _)| (key.clone(), accept(json!({"text": text})))).collect();
        more = json!({"inputResponses": answers, "requestState": asked.state});
    }
    unreachable!()
}

#[tokio::test]
async fn a_request_asks_no_more_rounds_than_are_allowed() {
    async fn endless(context: Context) -> Result<String, ToolError> {
        for number in 0.. {
            context.elicit::<Text>(format!("Question {number}?")).await?.accepted()?;
        }
        unreachable!()
    }
    let server = Server::new("test", "1").tool("endless", "Asks for ever.", tool!(endless));
    for (limits, rounds) in [(Limits::default(), 16), (Limits::with(|it| it.input_rounds = 3), 3)] {
        let server = server.clone().limits(limits);
        let (asked, answer) = answer_all(&mut wire(&server).await, "endless", "x").await;
        assert_eq!(asked, rounds);
        let (code, message) = error(&answer);
        assert!(code == -32603 && message.contains(&format!("{rounds} times")), "{message}");
    }
}

#[tokio::test]
async fn a_question_whose_words_change_is_never_taken_for_answered_and_comes_to_an_end() {
    let runs = Arc::<AtomicUsize>::default();
    let server = Server::new("test", "1").tool("clock", "Asks.", move |_: Arguments, context: Context| {
        let run = runs.fetch_add(1, Ordering::SeqCst);
        async move {
            let question = Elicit::<Text>::form(format!("It is {run} o'clock?")).key("time");
            let answer = context.elicit(question).await?.accepted()?;
            Ok::<_, ToolError>(answer.text)
        }
    });
    let (asked, answer) = answer_all(&mut wire(&server).await, "clock", "yes").await;
    assert_eq!(asked, 16);
    assert_eq!(error(&answer).0, -32603);
}

#[tokio::test]
async fn questions_and_steps_of_a_request_are_counted() {
    async fn many(context: Context) -> Result<String, ToolError> {
        let questions = (0..64).map(|number| context.elicit::<Text>(format!("{number}?")));
        let one_more = context.elicit::<Text>("64?");
        let (_, last) = tokio::try_join!(futures_util::future::try_join_all(questions), one_more)?;
        Ok(last.accepted()?.text)
    }
    async fn steps(context: Context) -> Result<String, ToolError> {
        for number in 0..65 {
            context.step(format!("step {number}"), async || number).await?;
        }
        Ok(String::new())
    }
    let server =
        Server::new("test", "1").tool("many", "Asks.", tool!(many)).tool("steps", "Works.", tool!(steps));
    for tool in ["many", "steps"] {
        let (code, message) = error(&wire(&server).await.call(tool, json!({})).await);
        assert!(code == -32603 && message.contains("more than 64"), "{message}");
    }
}

#[tokio::test]
async fn a_state_does_not_grow_past_its_limit() {
    async fn two(context: Context) -> Result<String, ToolError> {
        context.elicit::<Text>("One?").await?.accepted()?;
        context.elicit::<Text>("Two?").await?.accepted()?;
        Ok("both".to_owned())
    }
    let server = Server::new("test", "1")
        .tool("two", "Asks.", tool!(two))
        .limits(Limits::with(|it| it.input_state_bytes = 2048));
    let (asked, answer) = answer_all(&mut wire(&server).await, "two", "short").await;
    assert_eq!((asked, said(&answer).0.as_str()), (2, "both"));
    let (asked, answer) = answer_all(&mut wire(&server).await, "two", &"long".repeat(1000)).await;
    assert_eq!(asked, 1);
    let (code, message) = error(&answer);
    assert!(code == -32603 && message.contains("2048"), "{message}");
}

#[tokio::test]
async fn a_key_or_the_name_of_a_step_that_is_used_twice_is_a_fault_of_the_server() {
    async fn keys(context: Context) -> Result<String, ToolError> {
        let ask = |message: &str| context.elicit(Elicit::<Text>::form(message).key("same"));
        let (one, two) = tokio::try_join!(ask("One?"), ask("Two?"))?;
        Ok(one.accepted()?.text + &two.accepted()?.text)
    }
    async fn steps(context: Context) -> Result<String, ToolError> {
        let one = context.step("same", async || 1).await?;
        Ok((one + context.step("same", async || 2).await?).to_string())
    }
    let server =
        Server::new("test", "1").tool("keys", "Asks.", tool!(keys)).tool("steps", "Works.", tool!(steps));
    for tool in ["keys", "steps"] {
        let (code, message) = error(&wire(&server).await.call(tool, json!({})).await);
        assert!(code == -32603 && message.contains("same"), "{message}");
    }
}

#[tokio::test]
async fn the_same_question_may_be_asked_again_and_has_two_answers() {
    async fn twice(context: Context) -> Result<String, ToolError> {
        let one = context.elicit::<Text>("More?").await?.accepted()?.text;
        let two = context.elicit::<Text>("More?").await?.accepted()?.text;
        Ok(format!("{one} {two}"))
    }
    let server = Server::new("test", "1").tool("twice", "Asks.", tool!(twice));
    let mut wire = wire(&server).await;
    let first = required(&wire.call("twice", json!({})).await);
    let second = required(&wire.call("twice", first.answered(accept(json!({"text": "a"})))).await);
    assert_ne!(first.only().0, second.only().0);
    let answer = wire.call("twice", second.answered(accept(json!({"text": "b"})))).await;
    assert_eq!(said(&answer).0, "a b");
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_is_taken_only_where_that_is_allowed() {
    async fn hello(context: Context) -> Result<String, ToolError> {
        let question = Elicit::<Text>::form("Who?").key("who").accept_unasked();
        Ok(format!("hello {}", context.elicit(question).await?.accepted()?.text))
    }
    async fn strict(context: Context) -> Result<String, ToolError> {
        let question = Elicit::<Text>::form("Who?").key("who");
        Ok(format!("hello {}", context.elicit(question).await?.accepted()?.text))
    }
    let server =
        Server::new("test", "1").tool("hello", "Asks.", tool!(hello)).tool("strict", "Asks.", tool!(strict));
    let mut wire = wire(&server).await;
    let unasked = json!({"inputResponses": {"who": accept(json!({"text": "you"})), "else": {}}});
    assert_eq!(said(&wire.call("hello", unasked.clone()).await).0, "hello you");
    required(&wire.call("strict", unasked).await);
    let wrong = json!({"inputResponses": {"who": 12345}});
    assert_eq!(error(&wire.call("hello", wrong).await).0, -32602);
    required(&wire.call("hello", json!({"inputResponses": {"other": {}}})).await);
}

#[tokio::test]
async fn a_state_that_has_expired_is_void() {
    async fn ask(context: Context) -> Result<String, ToolError> {
        Ok(context.elicit::<Text>("What?").await?.accepted()?.text)
    }
    let server = Server::new("test", "1")
        .tool("ask", "Asks.", tool!(ask))
        .limits(Limits::with(|it| it.input_wait = Duration::ZERO));
    let mut wire = wire(&server).await;
    let asked = required(&wire.call("ask", json!({})).await);
    let retry = asked.answered(accept(json!({"text": "late"})));
    // The clock of the state counts seconds.
    let refused = loop {
        let answer = wire.call("ask", retry.clone()).await;
        if answer.get("error").is_some() {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let (code, message) = error(&refused);
    assert!(code == -32602 && message.contains("expired"), "{message}");
}

#[tokio::test]
async fn a_step_that_is_under_way_is_finished_before_the_client_is_asked() {
    let done = Arc::<AtomicUsize>::default();
    let count = done.clone();
    let server = Server::new("test", "1").tool("both", "Works.", move |_: Arguments, context: Context| {
        let count = count.clone();
        async move {
            let work = context.step("work", async || {
                for _ in 0..20 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                count.fetch_add(1, Ordering::SeqCst);
                "done".to_owned()
            });
            let (asked, work) = tokio::join!(context.elicit::<Text>("What?"), work);
            Ok::<_, ToolError>(work? + &asked?.accepted()?.text)
        }
    });
    let (asked, answer) = answer_all(&mut wire(&server).await, "both", "!").await;
    assert_eq!((asked, said(&answer).0.as_str()), (1, "done!"));
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_task_of_the_handler_may_ask_and_one_that_outlives_it_cannot() {
    let (sender, receiver) = oneshot::channel();
    let sender = Arc::new(std::sync::Mutex::new(Some(sender)));
    let server = Server::new("test", "1")
        .tool("spawn", "Asks.", |_: Arguments, context: Context| async move {
            let task = tokio::spawn(async move { context.elicit::<Text>("What?").await });
            Ok::<_, ToolError>(task.await??.accepted()?.text)
        })
        .tool("leave", "Asks too late.", move |_: Arguments, context: Context| {
            let sender = sender.lock().unwrap().take();
            async move {
                tokio::spawn(async move {
                    while context.elicit::<Text>("What?").await.is_ok() {}
                    let late = context.elicit::<Text>("What?").await.map(drop).unwrap_err();
                    sender.map(|sender| sender.send(late.kind()))
                });
                "gone"
            }
        });
    let (asked, answer) = answer_all(&mut wire(&server).await, "spawn", "that").await;
    assert_eq!((asked, said(&answer).0.as_str()), (1, "that"));
    assert_eq!(said(&wire(&server).await.call("leave", json!({})).await).0, "gone");
    assert_eq!(receiver.await.unwrap(), InputErrorKind::Closed);
}
