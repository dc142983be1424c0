//! A link: whatever a peer sends, in whatever order with what this side does, every call settles exactly once and nothing follows a close.

#![no_main]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oxmcp_proto::jsonrpc::{Message, RawJson, parse};
use oxmcp_proto::link::{CallOptions, CloseReason, Event, Limits, Link, Patience, Ticket};

struct State {
    link: Link<u32, u32>,
    open: HashSet<u32>,
    tickets: Vec<Ticket>,
    now: Instant,
}

fuzz_target!(|data: &[u8]| {
    let limits = Limits { calls: 8, serving: 4, serving_bytes: 256, unsent: 4096 };
    let mut state =
        State { link: Link::new(limits), open: HashSet::new(), tickets: Vec::new(), now: Instant::now() };
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        state.take(number as u32, line);
        if state.link.closed().is_some() {
            assert!(state.link.take_transmit().is_none(), "something was sent after close");
        }
    }
    let (left, _) = state.link.close(CloseReason::Local);
    state.settle(left.into_iter().map(|(context, _)| context));
    assert!(state.open.is_empty(), "never settled: {:?}", state.open);
});

impl State {
    fn take(&mut self, number: u32, line: &[u8]) {
        match line {
            [b'c', nth] => {
                let patience = Patience::total(Duration::from_secs(u64::from(*nth)));
                let options = CallOptions { patience, cancellable: nth % 2 == 0 };
                let params = |_, out: &mut Vec<u8>| out.extend_from_slice(b"{}");
                match self.link.call(self.now, "tools/call", options, number, params) {
                    Ok(_) => assert!(self.open.insert(number)),
                    Err((context, _)) => assert_eq!(context, number),
                }
            }
            [b'p', seconds] => {
                self.now += Duration::from_secs(u64::from(*seconds));
                let settled = self.link.handle_timeout(self.now);
                self.settle(settled.into_iter().map(|(context, _)| context));
                assert!(self.link.poll_timeout().is_none_or(|due| due > self.now));
            }
            [b'r', nth] => {
                if let Some(ticket) = self.tickets.get(usize::from(*nth)) {
                    let awaited = self.link.is_serving(ticket);
                    assert_eq!(self.link.respond(ticket, Ok(&RawJson::empty_object())), awaited);
                }
            }
            [b't'] => {
                for line in self.link.take_transmit().unwrap_or_default().split(|byte| *byte == b'\n') {
                    assert!(line.is_empty() || parse(Bytes::copy_from_slice(line), 64).is_ok());
                }
            }
            [b'x'] => {
                let (calls, _) = self.link.close(CloseReason::PeerClosed);
                self.link.take_transmit();
                self.settle(calls.into_iter().map(|(context, _)| context));
            }
            line => self.receive(line),
        }
    }

    fn receive(&mut self, line: &[u8]) {
        match parse(Bytes::copy_from_slice(line), 64) {
            Ok(Message::Batch(members)) => {
                self.link.begin_batch();
                for member in members {
                    match member {
                        Ok(message) => self.handle(message),
                        Err(invalid) => self.link.reject(&invalid),
                    }
                }
                self.link.end_batch();
            }
            Ok(message) => self.handle(message),
            Err(invalid) => {
                let settled = invalid.answers().and_then(|id| self.link.settle(id));
                self.settle(settled);
                self.link.reject(&invalid);
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match self.link.handle_message(self.now, message) {
            Some(Event::Request { ticket, .. }) => {
                assert!(self.link.attach(&ticket, 0));
                self.tickets.push(ticket);
            }
            Some(Event::Settled { context, .. }) => self.settle([context]),
            Some(Event::Progress { call, .. }) => {
                let context = self.link.context(call).expect("progress of a call that is over");
                assert!(self.open.contains(context));
            }
            _ => {}
        }
    }

    fn settle(&mut self, contexts: impl IntoIterator<Item = u32>) {
        for context in contexts {
            assert!(self.open.remove(&context), "call {context} settled twice, or was never made");
        }
    }
}
