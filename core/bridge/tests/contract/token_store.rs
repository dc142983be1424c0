//! Where clients keep their tokens: in a file, or in a store of the binding's.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use oxmcp_bridge::{Answer, CallOptions, Client, Event, EventKind};
use serde_json::{Value, json};

use crate::binding::{Binding, is_settling, says};
use crate::guarded::Guarded;

fn open(binding: &Binding, guarded: &Guarded, store: &Value) -> (Client, u64) {
    let id = binding.id();
    let program = json!({"clientId": "nightly", "clientSecret": "s3cret"});
    let authorization = json!({"clientCredentials": program, "store": store});
    let config = json!({"url": guarded.url, "authorization": authorization}).to_string();
    (Client::open(&config, id, &binding.queue).unwrap(), id)
}

/// A folder of a test's own, which goes with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_shared_by_clients() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let folder = Folder(std::env::temp_dir().join(format!("oxmcp-bridge-tokens-{}", std::process::id())));
    let store = json!({"file": folder.0.join("tokens.json")});
    for _ in 0..2 {
        let (client, opening) = open(&binding, &guarded, &store);
        binding.result(opening);
        binding.result(binding.call(&client, "who", json!({})));
    }
    assert_eq!(guarded.grantor.asked_by("client_credentials").len(), 1);
}

/// A store as a binding has it.
#[derive(Default)]
struct Store {
    kept: HashMap<String, String>,
    /// Keys by the questions under which they are held.
    held: HashMap<u64, String>,
    locks: usize,
}

impl Store {
    /// Answers what is asked until something else is told.
    fn until(&mut self, binding: &Binding, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let is_asked =
                |event: &Event| matches!(event.kind, EventKind::Question | EventKind::QuestionOver);
            let event = binding.take(|event| wanted(event) || is_asked(event));
            if wanted(&event) {
                return event;
            }
            self.answer(binding, &event);
        }
    }

    fn answer(&mut self, binding: &Binding, event: &Event) {
        if event.kind == EventKind::QuestionOver {
            assert!(self.held.remove(&event.id).is_some(), "only locks are let go here");
            return;
        }
        let question = says(event);
        let key = question["key"].as_str().unwrap().to_owned();
        let given = match question["ask"].as_str().unwrap() {
            "readTokens" => json!({"value": self.kept.get(&key)}),
            "writeTokens" => {
                match question["value"].as_str() {
                    Some(value) => self.kept.insert(key, value.to_owned()),
                    None => self.kept.remove(&key),
                };
                json!({})
            }
            "lockTokens" => {
                assert!(self.held.values().all(|held| *held != key), "{key} is held");
                self.held.insert(event.id, key);
                self.locks += 1;
                json!({})
            }
            other => panic!("nobody asks {other} of a store"),
        };
        binding.give(event.id, &given);
    }

    /// What came of an operation that needs the store.
    fn outcome(&mut self, binding: &Binding, id: u64) -> Result<Value, Value> {
        let event = self.until(binding, |event| is_settling(event) && event.id == id);
        if event.kind == EventKind::Completed { Ok(says(&event)) } else { Err(says(&event)) }
    }

    /// Lets go what is let go.
    fn settle(&mut self, binding: &Binding) {
        while !self.held.is_empty() {
            let event = binding.take_kind(EventKind::QuestionOver);
            self.answer(binding, &event);
        }
    }
}

#[test]
fn a_store_of_the_binding_keeps_tokens_for_the_next_client_and_gets_its_locks_back() {
    let (guarded, binding, mut store) = (Guarded::new(), Binding::new(), Store::default());
    for _ in 0..2 {
        let (client, opening) = open(&binding, &guarded, &json!({"ask": true}));
        store.outcome(&binding, opening).unwrap();
        let call = binding.call(&client, "who", json!({}));
        store.outcome(&binding, call).unwrap();
        store.settle(&binding);
        binding.run(|id, queue| client.close(id, queue));
    }
    assert_eq!(guarded.grantor.asked_by("client_credentials").len(), 1);
    assert!(store.locks > 0 && store.kept.values().any(|kept| kept.contains("access-s3cret")));
    assert!(binding.rest().is_empty());
}

#[test]
fn a_store_that_fails_says_so_and_one_that_is_silent_has_so_much_time() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    for (answer, kind) in [
        (Some(Answer::Failed("the keychain is locked".to_owned())), "Internal"),
        (Some(Answer::Given(r#"{"value": 53}"#.into())), "Internal"),
        (None, "Timeout"),
    ] {
        let timeout = if answer.is_some() { 60_000 } else { 1 };
        let (_client, opening) = open(&binding, &guarded, &json!({"ask": true, "timeoutMs": timeout}));
        if let Some(answer) = answer {
            let (question, _) = binding.question("readTokens", opening);
            assert!(binding.queue.answer(question, answer));
        }
        let error = binding.outcome(opening).unwrap_err();
        assert_eq!(error["kind"], kind, "{error}");
        assert!(!error.to_string().contains("53"), "{error}");
    }
}

#[test]
fn closing_waits_until_refreshed_tokens_are_kept() {
    let (guarded, binding, mut store) = (Guarded::new(), Binding::new(), Store::default());
    let (client, opening) = open(&binding, &guarded, &json!({"ask": true}));
    store.outcome(&binding, opening).unwrap();
    store.settle(&binding);
    let before = store.kept.clone();

    // The refresh token is being used: there is no other than the one that comes of it.
    let books = guarded.grantor.books();
    books.expire();
    books.hold(true);
    let call = binding.id();
    let params = json!({"name": "who", "arguments": {}}).to_string();
    let options = CallOptions { timeout: Some(Duration::from_secs(60)), ..CallOptions::default() };
    client.submit(oxmcp_bridge::Operation::CallTool, params.as_bytes(), options, call, &binding.queue);
    while guarded.grantor.asked_by("refresh_token").is_empty() {
        if binding.queue.wait(Some(Duration::from_millis(5))) {
            let event = binding.take(|_| true);
            store.answer(&binding, &event);
        }
    }
    let closed = binding.id();
    client.close(closed, &binding.queue);
    let failed = store.outcome(&binding, call).unwrap_err();
    assert_eq!(failed["kind"], "Closed");
    books.hold(false);
    let write = binding.take(|event| {
        assert!(!(is_settling(event) && event.id == closed), "it is closed before they are kept");
        event.kind == EventKind::Question
    });
    assert_eq!(says(&write)["ask"], "writeTokens");
    store.answer(&binding, &write);
    store.outcome(&binding, closed).unwrap();
    store.settle(&binding);
    assert_ne!(store.kept, before);
}

#[test]
fn a_lock_that_is_waited_for_goes_with_its_client() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let (client, opening) = open(&binding, &guarded, &json!({"ask": true}));
    loop {
        let event = binding.take_kind(EventKind::Question);
        if says(&event)["ask"] == "lockTokens" {
            binding.run(|id, queue| client.close(id, queue));
            binding.is_over(event.id);
            assert!(!binding.queue.answer(event.id, Answer::Given("{}".into())));
            break;
        }
        binding.give(event.id, &json!({"value": null}));
    }
    binding.outcome(opening).unwrap_err();
    assert!(binding.rest().is_empty());
}
