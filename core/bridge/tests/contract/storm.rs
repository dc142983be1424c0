use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use oxmcp_bridge::{CallOptions, Client, Operation, Queue};
use serde_json::json;

use crate::binding::{Binding, is_settling};
use crate::toolbox::Toolbox;

/// What threads do to a client that others use.
fn storm(open: impl Fn(u64, &Arc<Queue>) -> Client, seed: u64) {
    let queue = Queue::new(None);
    let next = AtomicU64::new(1);
    let id = || next.fetch_add(1, Ordering::Relaxed);
    let client = open(id(), &queue);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..3u64 {
            let (client, queue, over) = (client.clone(), &queue, &over);
            scope.spawn(move || {
                let mut dice = Dice(seed.wrapping_mul(31).wrapping_add(number));
                for _ in 0..100 {
                    let operation = id();
                    let tool = ["echo", "nap", "count", "fail", "unknown"][dice.roll(5) as usize];
                    let params = json!({"name": tool, "arguments": {}}).to_string();
                    let timeout = Some(Duration::from_millis(dice.roll(30)));
                    let options =
                        CallOptions { timeout, progress: dice.roll(2) == 0, ..CallOptions::default() };
                    match dice.roll(12) {
                        0 => client.closed(operation, queue),
                        1 => client.submit(Operation::Ping, b"{}", options, operation, queue),
                        2 => client.submit(Operation::ListTools, b"nonsense", options, operation, queue),
                        3 => client.submit(Operation::ListTools, b"{}", options, operation, queue),
                        _ => client.submit(Operation::CallTool, params.as_bytes(), options, operation, queue),
                    }
                    if dice.roll(3) == 0 {
                        client.cancel(operation, queue);
                    }
                    if dice.roll(150) == 0 && !over.swap(true, Ordering::SeqCst) {
                        client.close(id(), queue);
                    }
                }
            });
        }
    });
    drop(client);

    let expected = next.load(Ordering::Relaxed) - 1;
    let mut settled: HashMap<u64, usize> = HashMap::new();
    let until = Instant::now() + Duration::from_secs(10);
    while (settled.len() as u64) < expected {
        assert!(Instant::now() < until, "seed {seed}: {} of {expected} settled", settled.len());
        queue.wait(Some(Duration::from_millis(100)));
        for event in queue.drain(usize::MAX) {
            if is_settling(&event) {
                *settled.entry(event.id).or_default() += 1;
            } else {
                assert!(!settled.contains_key(&event.id), "seed {seed}: {event:?} came after the end");
            }
        }
    }
    thread::sleep(Duration::from_millis(5));
    assert!(queue.drain(usize::MAX).is_empty(), "seed {seed}");
    assert!(settled.values().all(|times| *times == 1), "seed {seed}: {settled:?}");
}

/// Numbers that look random and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn in_memory_each_operation_settles_exactly_once_whatever_happens() {
    let toolbox = Toolbox::new();
    for seed in 1..=60 {
        storm(|id, queue| Client::open_in_memory(&toolbox.server, "{}", id, queue).unwrap(), seed);
    }
}

#[test]
fn over_http_each_operation_settles_exactly_once_whatever_happens() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
    for seed in 1..=30 {
        let version = if seed % 2 == 0 { "2025-11-25" } else { "2026-07-28" };
        let config = json!({"url": listening["url"], "protocolVersion": version}).to_string();
        storm(|id, queue| Client::open(&config, id, queue).unwrap(), seed);
    }
}

#[test]
fn while_connecting_each_operation_settles_exactly_once_whatever_happens() {
    for seed in 1..=10 {
        let config = r#"{"command": "sleep", "args": ["1000"], "connectTimeoutMs": 50}"#;
        storm(|id, queue| Client::open(config, id, queue).unwrap(), seed);
    }
}
