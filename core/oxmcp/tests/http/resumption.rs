use oxmcp::Limits;
use oxmcp::transport::HttpOptions;
use serde_json::json;

use crate::fixture::Fixture;
use crate::handshake::{call, cancelled, delete, get, open};
use crate::wire::Raw;

fn resume(session: &str, after: &str) -> Raw {
    get(session).header("Last-Event-ID", after)
}

#[tokio::test]
async fn a_closed_stream_is_resumed_and_brings_the_answer() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let closed = call(&session, 5, "polled").send(*address).await;
    assert_eq!((closed.status, closed.header("content-type")), (200, Some("text/event-stream")));
    assert!(closed.events().is_empty());
    assert_eq!(closed.fields("retry"), ["1000"]);
    let id = closed.event_ids()[0].to_owned();
    let mut resumed = resume(&session, &id).open(*address).await;
    assert_eq!(resumed.response.status, 200);
    // It is open: there is an event before anything happens.
    resumed.read_until("retry").await;
    seen.gate.notify_one();
    resumed.read_to_end().await;
    let events = resumed.response.events();
    assert_eq!(events[0]["params"]["message"], "at the gate");
    assert_eq!(
        (&events[1]["id"], &events[1]["result"]["content"][0]["text"]),
        (&json!(5), &json!("closed: true"))
    );
    // What was seen is not sent again.
    let ids = resumed.response.event_ids();
    let rest = resume(&session, ids[1]).send(*address).await;
    assert_eq!(rest.events(), [events[1].clone()]);
    assert_eq!(resume(&session, ids[2]).send(*address).await.refusal(), (400, -32600));
}

#[tokio::test]
async fn an_answer_that_nobody_listened_to_is_there_on_resumption() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = open(*address, version).await;
        let mut lost = call(&session, "a", "gate").open(*address).await;
        lost.read_until("at the gate\"}}\n\n").await;
        let ids = lost.response.event_ids();
        let is_greeted = version == "2025-11-25";
        assert_eq!(ids.len(), if is_greeted { 2 } else { 1 }, "{version}");
        assert_eq!(lost.response.fields("data").first() == Some(&""), is_greeted);
        let last = ids.last().unwrap().to_string();
        drop(lost);
        seen.gate.notify_one();
        let mut resumed = resume(&session, &last).open(*address).await;
        resumed.read_to_end().await;
        let events = resumed.response.events();
        assert_eq!(events.len(), 1, "{version}: {:?}", resumed.response);
        assert_eq!(events[0]["result"]["content"][0]["text"], "through the gate");
        assert_eq!(events[0]["id"], "a");
    }
}

#[tokio::test]
async fn a_resumed_stream_is_taken_from_a_connection_that_seems_alive() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let mut first = call(&session, 1, "gate").open(*address).await;
    first.read_until("at the gate\"}}\n\n").await;
    let ids = first.response.event_ids();
    let mut second = resume(&session, ids[0]).open(*address).await;
    first.read_to_end().await;
    second.read_until("at the gate").await;
    seen.gate.notify_one();
    second.read_to_end().await;
    assert_eq!(second.response.events().len(), 2);
}

#[tokio::test]
async fn an_event_of_another_session_or_stream_resumes_nothing() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let (mine, theirs) = (open(*address, "2025-11-25").await, open(*address, "2025-11-25").await);
    let mut gate = call(&theirs, 1, "gate").open(*address).await;
    gate.read_until("at the gate\"}}\n\n").await;
    let their_event = gate.response.event_ids()[0].to_owned();
    assert_eq!(resume(&mine, &their_event).send(*address).await.refusal(), (400, -32600));
    let (stream, _) = their_event.rsplit_once('-').unwrap();
    let (key, number) = stream.rsplit_once('-').unwrap();
    let no_stream = format!("{key}-{}-0", number.parse::<u64>().unwrap() + 100);
    for id in ["nonsense", "", "0", &no_stream] {
        assert_eq!(resume(&theirs, id).send(*address).await.refusal(), (400, -32600), "{id}");
    }
    assert_eq!(resume("00000000000000000000000000000000", &their_event).send(*address).await.status, 404);
    seen.gate.notify_one();
    gate.read_to_end().await;
    assert_eq!(gate.response.events().len(), 2);
    assert_eq!(delete(&theirs).send(*address).await.status, 204);
    assert_eq!(resume(&theirs, &their_event).send(*address).await.status, 404);
}

#[tokio::test]
async fn a_long_silence_makes_the_response_resumable() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let silent = call(&session, 1, "waits").open(*address).await;
    assert_eq!(silent.response.header("content-type"), Some("text/event-stream"));
    assert_eq!(cancelled(&session, 1).send(*address).await.status, 202);
    seen.dropped(1).await;
}

#[tokio::test]
async fn without_a_store_nothing_is_resumed_or_closed() {
    let options = HttpOptions { event_store: None, ..HttpOptions::default() };
    let Fixture { address, seen, .. } = &Fixture::with(Limits::default(), options).await;
    let session = open(*address, "2025-11-25").await;
    let steps = call(&session, 1, "steps").send(*address).await;
    assert_eq!((steps.events().len(), steps.event_ids().len()), (4, 0));
    seen.gate.notify_one();
    let polled = call(&session, 2, "polled").send(*address).await;
    assert_eq!(polled.events().last().unwrap()["result"]["content"][0]["text"], "closed: false");
    let mut listening = resume(&session, "0000000000000000-1-1").open(*address).await;
    assert_eq!(listening.response.status, 200);
    listening.read_until(":\n\n").await;
}

#[tokio::test]
async fn only_the_revision_that_has_it_closes_streams() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18"] {
        let session = open(*address, version).await;
        seen.gate.notify_one();
        let polled = call(&session, 1, "polled").send(*address).await;
        assert_eq!(
            polled.events().last().unwrap()["result"]["content"][0]["text"],
            "closed: false",
            "{version}"
        );
        assert!(!polled.fields("data").contains(&""), "{version}");
    }
    seen.gate.notify_one();
    let modern = Raw::modern_call("polled").send(*address).await;
    assert_eq!(modern.json()["result"]["content"][0]["text"], "closed: false");
}
