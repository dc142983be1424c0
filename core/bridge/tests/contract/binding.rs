use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oxmcp_bridge::{Answer, CallOptions, Client, Event, EventKind, Operation, Queue, Server};
use serde_json::Value;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A binding in small: a queue, numbers for operations, and what came out of the queue and was not looked at yet.
pub(crate) struct Binding {
    pub(crate) queue: Arc<Queue>,
    next: AtomicU64,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    events: Vec<Event>,
    settled: HashSet<u64>,
}

impl Binding {
    pub(crate) fn new() -> Self {
        Self { queue: Queue::with_questions(None), next: AtomicU64::new(1), inbox: Mutex::default() }
    }

    /// A number for an operation.
    pub(crate) fn id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes the first event that is wanted. It fails the test when none comes.
    #[track_caller]
    pub(crate) fn take(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let until = Instant::now() + PATIENCE;
        loop {
            self.read();
            let mut inbox = self.inbox.lock().unwrap();
            if let Some(at) = inbox.events.iter().position(&wanted) {
                return inbox.events.remove(at);
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "what was waited for never came; there are {:?}", inbox.events);
            drop(inbox);
            self.queue.wait(Some(left));
        }
    }

    /// Takes an event of this kind.
    #[track_caller]
    pub(crate) fn take_kind(&self, kind: EventKind) -> Event {
        self.take(|event| event.kind == kind)
    }

    /// Takes a question of that name, which `target` leaves to the binding.
    #[track_caller]
    pub(crate) fn question(&self, ask: &str, target: u64) -> (u64, Value) {
        let asks = |event: &Event| event.kind == EventKind::Question && says(event)["ask"] == ask;
        let event = self.take(asks);
        assert_eq!(event.target, target);
        (event.id, says(&event))
    }

    /// Gives what was asked for. Somebody must be waiting for it.
    #[track_caller]
    pub(crate) fn give(&self, question: u64, given: &Value) {
        assert!(self.queue.answer(question, Answer::Given(given.to_string().into())));
    }

    /// Waits until a question is over.
    #[track_caller]
    pub(crate) fn is_over(&self, question: u64) {
        self.take(|event| event.kind == EventKind::QuestionOver && event.id == question);
    }

    /// What came of an operation.
    #[track_caller]
    pub(crate) fn outcome(&self, id: u64) -> Result<Value, Value> {
        let event = self.take(|event| is_settling(event) && event.id == id);
        let json = serde_json::from_slice(&event.json).unwrap();
        if event.kind == EventKind::Completed { Ok(json) } else { Err(json) }
    }

    /// The result of an operation that must end well.
    #[track_caller]
    pub(crate) fn result(&self, id: u64) -> Value {
        self.outcome(id).expect("the operation should end well")
    }

    /// The kind of the error of an operation that must fail.
    #[track_caller]
    pub(crate) fn error(&self, id: u64) -> String {
        let error = self.outcome(id).expect_err("the operation should fail");
        assert_ne!(error["message"], "", "an error says what happened: {error}");
        error["kind"].as_str().unwrap().to_owned()
    }

    /// What came and was not looked at, after waiting for what may still come.
    pub(crate) fn rest(&self) -> Vec<Event> {
        std::thread::sleep(Duration::from_millis(50));
        self.read();
        std::mem::take(&mut self.inbox.lock().unwrap().events)
    }

    /// Drains the queue, and sees that nothing settles twice.
    fn read(&self) {
        let mut inbox = self.inbox.lock().unwrap();
        for event in self.queue.drain(usize::MAX) {
            assert!(serde_json::from_slice::<Value>(&event.json).is_ok(), "{event:?} holds no JSON");
            if is_settling(&event) {
                assert!(
                    inbox.settled.insert(event.id),
                    "the operation {} settled twice: {event:?}",
                    event.id
                );
            }
            inbox.events.push(event);
        }
    }

    /// Opens a client in memory and waits until it is connected.
    #[track_caller]
    pub(crate) fn connect(&self, server: &Server) -> Client {
        let id = self.id();
        let client = Client::open_in_memory(server, "{}", id, &self.queue).unwrap();
        self.result(id);
        client
    }

    /// Calls a tool and returns the operation.
    pub(crate) fn call(&self, client: &Client, tool: &str, arguments: Value) -> u64 {
        self.call_with(client, tool, arguments, CallOptions::default())
    }

    pub(crate) fn call_with(
        &self,
        client: &Client,
        tool: &str,
        arguments: Value,
        options: CallOptions,
    ) -> u64 {
        let params = serde_json::json!({"name": tool, "arguments": arguments}).to_string();
        let id = self.id();
        client.submit(Operation::CallTool, params.as_bytes(), options, id, &self.queue);
        id
    }

    /// Starts something that takes an operation, and waits for its result.
    #[track_caller]
    pub(crate) fn run(&self, start: impl FnOnce(u64, &Arc<Queue>)) -> Value {
        let id = self.id();
        start(id, &self.queue);
        self.result(id)
    }
}

/// What an event says.
pub(crate) fn says(event: &Event) -> Value {
    serde_json::from_slice(&event.json).unwrap()
}

pub(crate) fn is_settling(event: &Event) -> bool {
    matches!(event.kind, EventKind::Completed | EventKind::Failed)
}
