//! What a store of events does, it does to nobody but itself.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp::store::{EventStore, MemoryEvents, SessionKey, StoredEvent, StreamId};
use oxmcp::transport::HttpOptions;
use oxmcp::{Context, Limits, Server};
use serde_json::json;

use crate::fixture::Fixture;
use crate::handshake::{call, call_with, delete, get, open};

/// A store that does what it should not.
#[derive(Default)]
struct Unruly {
    events: MemoryEvents,
    /// Talks to this client when it keeps the next event.
    talk: Mutex<Option<Context>>,
    panics: bool,
    never_replays: bool,
}

impl EventStore for Unruly {
    fn append(&self, stream: StreamId, event: StoredEvent) {
        assert!(!self.panics, "on purpose");
        let talk = self.talk.lock().unwrap().take();
        if let Some(context) = talk {
            context.progress(2.0, None, Some("from the store"));
        }
        self.events.append(stream, event);
    }

    fn replay(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Vec<StoredEvent>> {
        assert!(!self.panics, "on purpose");
        if self.never_replays {
            return Box::pin(pending());
        }
        self.events.replay(stream, after)
    }

    fn remove(&self, stream: StreamId) {
        assert!(!self.panics, "on purpose");
        self.events.remove(stream);
    }

    fn remove_session(&self, session: SessionKey) {
        assert!(!self.panics, "on purpose");
        self.events.remove_session(session);
    }
}

fn options(store: &Arc<Unruly>) -> HttpOptions {
    HttpOptions { event_store: Some(store.clone()), ..HttpOptions::default() }
}

#[tokio::test]
async fn a_store_may_talk_to_the_client_whose_events_it_keeps() {
    let store = Arc::<Unruly>::default();
    let talks = store.clone();
    let server = Server::new("wire", "1.0.0").tool("talks", "Talks.", move |context: Context| {
        *talks.talk.lock().unwrap() = Some(context.clone());
        async move {
            context.progress(1.0, None, Some("from the tool"));
            "said"
        }
    });
    let server = server.listen(options(&store)).await.unwrap();
    let session = open(server.local_addr(), "2025-11-25").await;
    let said = call(&session, 1, "talks").send(server.local_addr()).await;
    let events = said.events();
    assert_eq!(events[0]["params"]["message"], "from the tool");
    assert_eq!(events[1]["params"]["message"], "from the store");
    assert_eq!(events[2]["result"]["content"][0]["text"], "said");
    // All of them were kept, in their order.
    let rest = get(&session).header("Last-Event-ID", said.event_ids()[0]).send(server.local_addr()).await;
    assert_eq!(rest.events(), events);
}

#[tokio::test]
async fn a_store_that_panics_costs_no_answer() {
    let store = Arc::new(Unruly { panics: true, ..Unruly::default() });
    let Fixture { address, seen, .. } = &Fixture::with(Limits::default(), options(&store)).await;
    let session = open(*address, "2025-11-25").await;
    let steps = call(&session, 1, "steps").send(*address).await;
    assert_eq!(steps.events().len(), 4, "{steps:?}");
    let again = get(&session).header("Last-Event-ID", steps.event_ids()[0]).send(*address).await;
    assert_eq!(again.refusal(), (503, -32603));
    // A stream that was lost before the client saw anything of it, which is to be forgotten.
    let lost = call(&session, 2, "waits").open(*address).await;
    drop(lost);
    assert_eq!(delete(&session).send(*address).await.status, 204);
    seen.dropped(1).await;
}

#[tokio::test]
async fn a_client_does_not_wait_for_ever_for_a_store() {
    let store = Arc::new(Unruly { never_replays: true, ..Unruly::default() });
    let limits = Limits::with(|it| it.store_wait = Duration::from_millis(20));
    let Fixture { address, .. } = &Fixture::with(limits, options(&store)).await;
    let session = open(*address, "2025-11-25").await;
    let steps = call(&session, 1, "steps").send(*address).await;
    let again = get(&session).header("Last-Event-ID", steps.event_ids()[0]).send(*address).await;
    assert_eq!(again.refusal(), (503, -32603));
}

#[tokio::test]
async fn a_large_answer_waits_for_whoever_comes_back() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let size = 6 << 20;
    let closed = call_with(&session, 1, "polled_blob", &json!({"size": size})).send(*address).await;
    seen.gate.notify_one();
    seen.finished(1).await;
    let resumed = get(&session).header("Last-Event-ID", closed.event_ids()[0]).send(*address).await;
    let answer = &resumed.events()[0];
    assert_eq!(answer["result"]["content"][0]["text"].as_str().map(str::len), Some(size));
}
