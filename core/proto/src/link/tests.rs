use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jsonrpc::parse;

type TestLink = Link<u32, u32>;

fn message(value: serde_json::Value) -> Message {
    parse(serde_json::to_vec(&value).unwrap().into(), 64).unwrap()
}

fn call(link: &mut TestLink, now: Instant, context: u32, silence: u64) -> CallId {
    let patience = Patience { silence: Duration::from_secs(silence), total: Duration::from_secs(100) };
    let options = CallOptions { patience, cancellable: true };
    link.call(now, "tools/call", options, context, |_, out| out.extend_from_slice(b"{}")).unwrap()
}

/// A request of the peer; `None` when it is refused.
fn asked(link: &mut TestLink, now: Instant, id: serde_json::Value) -> Option<Ticket> {
    match link.handle_message(now, message(json!({"jsonrpc": "2.0", "id": id, "method": "ping"}))) {
        Some(Event::Request { ticket, .. }) => Some(ticket),
        _ => None,
    }
}

fn sent(link: &mut TestLink) -> Vec<serde_json::Value> {
    let lines = link.take_transmit().unwrap_or_default();
    lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn progress_starts_the_silence_anew_until_the_total_is_reached() {
    let start = Instant::now();
    let mut link = TestLink::new(Limits::default());
    let id = call(&mut link, start, 1, 10);
    for second in (9..100).step_by(9) {
        let now = start + Duration::from_secs(second);
        assert!(link.handle_timeout(now).is_empty(), "at {second} s");
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": id.number(), "progress": second}});
        assert!(matches!(link.handle_message(now, message(progress)), Some(Event::Progress { .. })));
    }
    let settled = link.handle_timeout(start + Duration::from_secs(100));
    assert_eq!(settled, [(1, CallError::TimeoutInAll { after: Duration::from_secs(100) })]);
}

#[test]
fn an_excuse_starts_every_silence_anew_until_the_total_is_reached() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut link = TestLink::new(Limits::default());
    for (context, silence) in [(1, 10), (2, 20)] {
        call(&mut link, start, context, silence);
    }
    link.excuse(after(10));
    assert!(link.handle_timeout(after(19)).is_empty());
    assert_eq!(link.poll_timeout(), Some(after(20)));
    assert_eq!(link.handle_timeout(after(20)), [(1, CallError::Silent { after: Duration::from_secs(10) })]);
    link.excuse(after(25));
    assert!(link.handle_timeout(after(44)).is_empty());
    link.excuse(after(99));
    let settled = link.handle_timeout(after(100));
    assert_eq!(settled, [(2, CallError::TimeoutInAll { after: Duration::from_secs(100) })]);
}

#[test]
fn a_silent_call_times_out_and_the_peer_is_told_once() {
    let start = Instant::now();
    let mut link = TestLink::new(Limits::default());
    let id = call(&mut link, start, 7, 10);
    sent(&mut link);
    let due = link.poll_timeout().unwrap();
    assert_eq!(due, start + Duration::from_secs(10));
    let settled = link.handle_timeout(due);
    assert_eq!(settled, [(7, CallError::Silent { after: Duration::from_secs(10) })]);
    assert_eq!(sent(&mut link)[0]["params"]["requestId"], json!(id.number()));
    let late = json!({"jsonrpc": "2.0", "id": id.number(), "result": {}});
    assert!(matches!(link.handle_message(due, message(late)), Some(Event::Stray(Stray::Answer(_)))));
    assert!(link.handle_timeout(due).is_empty());
}

#[test]
fn a_peer_that_waits_for_this_side_is_not_silent() {
    let mut link = TestLink::new(Limits::default());
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    call(&mut link, start, 1, 10);
    let question = asked(&mut link, after(5), 1.into()).unwrap();
    assert!(link.handle_timeout(after(15)).is_empty());
    assert!(link.handle_timeout(after(30)).is_empty());
    assert!(link.respond(&question, Ok(&RawJson::empty_object())));
    assert!(link.handle_timeout(after(39)).is_empty());
    let silent = CallError::Silent { after: Duration::from_secs(10) };
    assert_eq!(link.handle_timeout(after(40)), [(1, silent)]);
    // But not for ever.
    call(&mut link, start, 2, 10);
    asked(&mut link, after(5), 2.into()).unwrap();
    let in_all = CallError::TimeoutInAll { after: Duration::from_secs(100) };
    assert_eq!(link.handle_timeout(after(100)), [(2, in_all)]);
}

#[test]
fn an_owner_that_wants_to_tell_of_cancellations_gets_them() {
    let start = Instant::now();
    let mut link = TestLink::new(Limits::default());
    link.hand_out_cancellations();
    let (given_up, silent) = (call(&mut link, start, 1, 10), call(&mut link, start, 2, 10));
    sent(&mut link);
    assert_eq!(link.cancel(given_up, "no more"), Some(1));
    assert_eq!(link.handle_timeout(start + Duration::from_secs(10)).len(), 1);
    assert!(sent(&mut link).is_empty());
    let handed_out = |link: &mut TestLink| -> Vec<CancelledParams> {
        link.take_cancellations().iter().map(|params| params.to().unwrap()).collect()
    };
    let ids: Vec<_> = handed_out(&mut link).into_iter().map(|params| params.request_id).collect();
    assert_eq!(ids, [Some(RequestId::from(given_up.number())), Some(RequestId::from(silent.number()))]);
    assert!(handed_out(&mut link).is_empty());
}

#[test]
fn a_cancelled_request_gets_no_answer() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits::default());
    let request = json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {}});
    let Some(Event::Request { ticket, .. }) = link.handle_message(now, message(request)) else { panic!() };
    assert!(link.attach(&ticket, 9));
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a"}});
    assert!(matches!(link.handle_message(now, message(cancelled)), Some(Event::Cancelled(9))));
    assert!(!link.respond(&ticket, Ok(&RawJson::empty_object())));
    assert!(sent(&mut link).is_empty());
}

#[test]
fn a_large_result_is_sent_from_where_it_lies_and_in_its_place() {
    let mut link = TestLink::new(Limits::default());
    let now = Instant::now();
    let text = "x".repeat(100_000);
    let large = RawJson::of(&text).unwrap();
    let pretty = RawJson::parse(format!("[\n{text:?}]").into_bytes()).unwrap();
    for (id, result) in [(1, &RawJson::empty_object()), (2, &large), (3, &pretty), (4, &large)] {
        let ticket = asked(&mut link, now, id.into()).unwrap();
        assert!(link.respond(&ticket, Ok(result)));
    }
    assert_eq!(link.unsent(), link.unsent_answers());
    let results: Vec<_> = sent(&mut link).into_iter().map(|mut message| message["result"].take()).collect();
    assert_eq!(results, [json!({}), json!(text), json!([text]), json!(text)]);
}

#[test]
fn a_late_answer_is_not_taken_for_one_to_a_new_request_under_the_same_id() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits::default());
    let first = asked(&mut link, now, json!("a")).unwrap();
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a"}});
    link.handle_message(now, message(cancelled));
    let second = asked(&mut link, now, json!("a")).unwrap();
    assert!(!link.is_serving(&first) && !link.attach(&first, 1));
    assert!(!link.respond(&first, Err(&ErrorObject::internal("the first's"))));
    assert!(sent(&mut link).is_empty());
    assert!(link.respond(&second, Ok(&RawJson::empty_object())));
    assert_eq!(sent(&mut link), [json!({"jsonrpc": "2.0", "id": "a", "result": {}})]);
}

#[test]
fn a_batch_is_answered_by_a_batch_when_its_last_request_is() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits::default());
    link.begin_batch();
    let slow = asked(&mut link, now, json!(1)).unwrap();
    let quick = asked(&mut link, now, json!(2)).unwrap();
    let cancelled = asked(&mut link, now, json!(3)).unwrap();
    assert!(asked(&mut link, now, json!(1)).is_none(), "an id in flight cannot be used again");
    link.respond(&quick, Ok(&RawJson::empty_object()));
    link.end_batch();
    let alone = asked(&mut link, now, json!(4)).unwrap();
    link.respond(&alone, Ok(&RawJson::empty_object()));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}});
    link.handle_message(now, message(cancel));
    assert!(!link.is_serving(&cancelled));
    assert_eq!(sent(&mut link), [json!({"jsonrpc": "2.0", "id": 4, "result": {}})]);
    link.respond(&slow, Ok(&RawJson::empty_object()));
    let answers = sent(&mut link);
    let ids: Vec<_> = answers[0].as_array().unwrap().iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!((answers.len(), ids), (1, vec![json!(1), json!(2), json!(1)]));
}

#[test]
fn a_batch_without_requests_gets_no_answer() {
    let mut link = TestLink::new(Limits::default());
    link.begin_batch();
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    link.handle_message(Instant::now(), message(told));
    link.end_batch();
    assert!(sent(&mut link).is_empty());
}

#[test]
fn answers_that_are_too_much_to_keep_go_out_before_their_batch_is_complete() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits::default());
    link.begin_batch();
    let (large, slow) = (asked(&mut link, now, json!(1)).unwrap(), asked(&mut link, now, json!(2)).unwrap());
    link.end_batch();
    let result = RawJson::of(&json!({"text": "x".repeat(2 << 20)})).unwrap();
    link.respond(&large, Ok(&result));
    assert_eq!(sent(&mut link)[0][0]["id"], json!(1));
    link.respond(&slow, Ok(&RawJson::empty_object()));
    assert_eq!(sent(&mut link), [json!([{"jsonrpc": "2.0", "id": 2, "result": {}}])]);
}

#[test]
fn the_bytes_of_requests_in_flight_are_limited() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits { serving_bytes: 100, ..Limits::default() });
    let ask = |id| json!({"jsonrpc": "2.0", "id": id, "method": "ping", "params": {"text": "x".repeat(80)}});
    let Some(Event::Request { ticket, .. }) = link.handle_message(now, message(ask(1))) else { panic!() };
    assert!(link.handle_message(now, message(ask(2))).is_none());
    assert_eq!(sent(&mut link)[0]["error"]["code"], json!(codes::INTERNAL_ERROR));
    link.respond(&ticket, Ok(&RawJson::empty_object()));
    assert!(link.handle_message(now, message(ask(2))).is_some());
}

#[test]
fn deadlines_of_settled_calls_do_not_pile_up() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits::default());
    let waiting = call(&mut link, now, 0, 50);
    for context in 1..10_000 {
        let id = call(&mut link, now, context, 10);
        let answer = json!({"jsonrpc": "2.0", "id": id.number(), "result": {}});
        assert!(matches!(link.handle_message(now, message(answer)), Some(Event::Settled { .. })));
        link.take_transmit();
    }
    assert!(link.deadlines.len() <= 100, "{} deadlines for one call", link.deadlines.len());
    let settled = link.handle_timeout(now + Duration::from_secs(50));
    assert_eq!(settled.len(), 1);
    assert!(link.context(waiting).is_none());
}

#[test]
fn an_id_in_flight_cannot_be_used_again() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits { serving: 2, ..Limits::default() });
    let ask = |id| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    assert!(link.handle_message(now, message(ask(1))).is_some());
    assert!(link.handle_message(now, message(ask(1))).is_none());
    assert!(link.handle_message(now, message(ask(2))).is_some());
    assert!(link.handle_message(now, message(ask(3))).is_none());
    let codes: Vec<_> = sent(&mut link).iter().map(|error| error["error"]["code"].clone()).collect();
    assert_eq!(codes, [json!(codes::INVALID_REQUEST), json!(codes::INTERNAL_ERROR)]);
}

#[test]
fn limits_refuse_a_call_and_give_its_context_back() {
    let now = Instant::now();
    let mut link = TestLink::new(Limits { calls: 1, ..Limits::default() });
    call(&mut link, now, 1, 10);
    let refused = link.call(now, "ping", CallOptions::default(), 2, |_, out| out.extend_from_slice(b"{}"));
    assert_eq!(refused, Err((2, CallError::Overloaded)));
}

#[derive(Clone, Debug)]
enum Input {
    Call {
        silence: u64,
    },
    Cancel {
        nth: usize,
    },
    Answer {
        id: i64,
        error: bool,
    },
    Progress {
        id: i64,
    },
    Ask {
        id: i64,
    },
    Respond {
        nth: usize,
    },
    PeerCancels {
        id: i64,
    },
    /// What the peer sent cannot be used: an answer that is no answer, a request that is no request.
    Spoilt {
        id: i64,
        is_answer: bool,
    },
    /// The peer's next few inputs come in a batch.
    Batch,
    Unbatch,
    Notify,
    Send,
    Pass {
        seconds: u64,
    },
    Close,
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => (1u64..30).prop_map(|silence| Input::Call { silence }),
        1 => (0usize..8).prop_map(|nth| Input::Cancel { nth }),
        3 => (0i64..12, any::<bool>()).prop_map(|(id, error)| Input::Answer { id, error }),
        2 => (0i64..12).prop_map(|id| Input::Progress { id }),
        3 => (0i64..6).prop_map(|id| Input::Ask { id }),
        2 => (0usize..12).prop_map(|nth| Input::Respond { nth }),
        1 => (0i64..6).prop_map(|id| Input::PeerCancels { id }),
        1 => (0i64..12, any::<bool>()).prop_map(|(id, is_answer)| Input::Spoilt { id, is_answer }),
        1 => Just(Input::Batch),
        1 => Just(Input::Unbatch),
        1 => Just(Input::Notify),
        2 => Just(Input::Send),
        2 => (1u64..40).prop_map(|seconds| Input::Pass { seconds }),
        1 => Just(Input::Close),
    ]
}

/// Looks at what a link has sent: no call's id is there twice, no answer is to what was not asked or is answered, and calls are cancelled
/// at most once, and never if they may not be.
#[derive(Default)]
struct Wire {
    calls: HashSet<i64>,
    cancellable: HashSet<i64>,
    cancelled: HashSet<i64>,
    /// How often the peer used an id and did not take it back, less the answers to it.
    asked: HashMap<i64, i64>,
}

impl Wire {
    fn look(&mut self, lines: Vec<serde_json::Value>) {
        for line in lines {
            match line {
                serde_json::Value::Array(answers) => self.look(answers),
                message if message["method"] == "notifications/cancelled" => {
                    let id = message["params"]["requestId"].as_i64().unwrap();
                    assert!(
                        self.calls.contains(&id) && self.cancelled.insert(id),
                        "cancelled twice, or never made: {id}"
                    );
                    assert!(self.cancellable.contains(&id), "cancelled though it may not be: {id}");
                }
                message if message["method"] == "tools/call" => {
                    assert!(self.calls.insert(message["id"].as_i64().unwrap()), "an id was used twice");
                }
                message if message["method"].is_string() => {}
                answer => {
                    let left = self.asked.entry(answer["id"].as_i64().unwrap()).or_default();
                    *left -= 1;
                    assert!(*left >= 0, "one answer too many: {answer}");
                }
            }
        }
    }
}

#[test]
fn a_call_that_was_not_taken_before_the_end_was_not_sent() {
    let now = Instant::now();
    let ended = |link: &mut TestLink, reason: CloseReason| {
        let (mut settled, _) = link.close(reason);
        settled.sort_by_key(|(context, _)| *context);
        settled
    };
    let (gone, local) = (CloseReason::PeerClosed, CloseReason::Local);

    let mut link = TestLink::new(Limits::default());
    call(&mut link, now, 1, 10);
    sent(&mut link);
    call(&mut link, now, 2, 10);
    let expected = [(1, CallError::Closed(gone.clone())), (2, CallError::Unsent(gone.clone()))];
    assert_eq!(ended(&mut link, gone.clone()), expected);
    assert_eq!(
        link.call(now, "ping", CallOptions::default(), 3, |_, _| {}),
        Err((3, CallError::Unsent(gone.clone())))
    );

    // What was taken may come back unsent, and so may what comes later.
    let mut link = TestLink::new(Limits::default());
    call(&mut link, now, 1, 10);
    sent(&mut link);
    call(&mut link, now, 2, 10);
    sent(&mut link);
    link.discard_transmit(false);
    call(&mut link, now, 3, 10);
    link.discard_transmit(true);
    let [first, second, third]: [_; 3] = ended(&mut link, gone.clone()).try_into().unwrap();
    assert_eq!(first.1, CallError::Closed(gone.clone()));
    assert_eq!([second.1, third.1], [CallError::Unsent(gone.clone()), CallError::Unsent(gone)]);
    assert!(link.take_transmit().is_none());

    // What this side has written before it closes may still go out.
    let mut link = TestLink::new(Limits::default());
    call(&mut link, now, 1, 10);
    assert_eq!(ended(&mut link, local.clone()), [(1, CallError::Closed(local))]);
}

proptest! {
    /// No sequence of inputs leaves a call unsettled or settles it twice, or a request of the peer unanswered; ids never repeat, and nothing
    /// is sent after close.
    #[test]
    fn every_call_settles_exactly_once(inputs in prop::collection::vec(input(), 1..120)) {
        let start = Instant::now();
        let mut now = start;
        let mut link = TestLink::new(Limits { calls: 6, serving: 3, ..Limits::default() });
        let mut made: Vec<CallId> = Vec::new();
        let mut tickets: Vec<Ticket> = Vec::new();
        let mut open: HashSet<u32> = HashSet::new();
        let mut ids: HashSet<i64> = HashSet::new();
        let mut next = 0;
        let mut closed = false;
        let mut wire = Wire::default();
        let mut in_batch = false;
        for input in inputs {
            let mut settled: Vec<u32> = Vec::new();
            match input {
                Input::Call { silence } => {
                    next += 1;
                    let patience = Patience { silence: Duration::from_secs(silence), total: Duration::from_secs(60) };
                    let options = CallOptions { patience, cancellable: silence % 2 == 0 };
                    match link.call(now, "tools/call", options, next, |_, out| out.extend_from_slice(b"{}")) {
                        Ok(id) => {
                            prop_assert!(!closed);
                            prop_assert!(ids.insert(id.number()), "an id was used twice");
                            open.insert(next);
                            if options.cancellable {
                                wire.cancellable.insert(id.number());
                            }
                            made.push(id);
                        }
                        Err((context, _)) => prop_assert_eq!(context, next),
                    }
                }
                Input::Cancel { nth } => {
                    if let Some(id) = made.get(nth) {
                        settled.extend(link.cancel(*id, "no more"));
                    }
                }
                Input::Answer { id, error } => {
                    let answer = if error {
                        json!({"jsonrpc": "2.0", "id": id, "error": {"code": 1, "message": "m"}})
                    } else {
                        json!({"jsonrpc": "2.0", "id": id, "result": {}})
                    };
                    if let Some(Event::Settled { context, .. }) = link.handle_message(now, message(answer)) {
                        settled.push(context);
                    }
                }
                Input::Progress { id } => {
                    let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress",
                        "params": {"progressToken": id, "progress": 1}});
                    if let Some(Event::Progress { call, .. }) = link.handle_message(now, message(progress)) {
                        prop_assert!(link.context(call).is_some_and(|context| open.contains(context)));
                    }
                }
                Input::Ask { id } => {
                    *wire.asked.entry(id).or_default() += 1;
                    if let Some(ticket) = asked(&mut link, now, json!(id)) {
                        prop_assert!(!closed);
                        link.attach(&ticket, id as u32);
                        tickets.push(ticket);
                    }
                }
                Input::Respond { nth } => {
                    if let Some(ticket) = tickets.get(nth) {
                        let waited_for = link.is_serving(ticket);
                        let answered = link.respond(ticket, Ok(&RawJson::empty_object()));
                        prop_assert_eq!(answered, waited_for);
                        prop_assert!(!link.is_serving(ticket), "a request can be answered twice");
                    }
                }
                Input::PeerCancels { id } => {
                    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
                    if let Some(Event::Cancelled(token)) = link.handle_message(now, message(cancelled)) {
                        prop_assert_eq!(i64::from(token), id);
                        *wire.asked.entry(id).or_default() -= 1;
                    }
                }
                Input::Spoilt { id, is_answer: true } => settled.extend(link.settle(&id.into())),
                Input::Spoilt { id, is_answer: false } => {
                    *wire.asked.entry(id).or_default() += 1;
                    let error = ErrorObject::internal("no request");
                    link.reject(&InvalidMessage { id: Some(id.into()), has_method: true, ..InvalidMessage::new(error) });
                }
                Input::Batch if !in_batch && !closed => {
                    link.begin_batch();
                    in_batch = true;
                }
                Input::Unbatch if in_batch => {
                    link.end_batch();
                    in_batch = false;
                }
                Input::Batch | Input::Unbatch => {}
                Input::Notify => prop_assert_eq!(link.notify("notifications/x", |out| out.extend_from_slice(b"{}")), !closed),
                Input::Send => wire.look(sent(&mut link)),
                Input::Pass { seconds } => {
                    now += Duration::from_secs(seconds);
                    settled.extend(link.handle_timeout(now).into_iter().map(|(context, _)| context));
                    prop_assert!(link.poll_timeout().is_none_or(|due| due > now));
                }
                Input::Close => {
                    settled.extend(link.close(CloseReason::Local).0.into_iter().map(|(context, _)| context));
                    wire.look(sent(&mut link));
                    closed = true;
                }
            }
            prop_assert_eq!(link.calls_in_flight(), open.len() - settled.len());
            for context in settled {
                prop_assert!(open.remove(&context), "call {} settled twice", context);
            }
            if closed {
                prop_assert!(link.take_transmit().is_none(), "something was sent after close");
            }
        }
        if !closed {
            if in_batch {
                link.end_batch();
            }
            for ticket in tickets {
                link.respond(&ticket, Ok(&RawJson::empty_object()));
            }
            wire.look(sent(&mut link));
            prop_assert!(wire.asked.values().all(|left| *left == 0), "never answered: {:?}", wire.asked);
        }
        // Time alone settles what is left.
        let left = link.handle_timeout(now + Duration::from_secs(61));
        wire.look(sent(&mut link));
        for (context, _) in left {
            prop_assert!(open.remove(&context));
        }
        prop_assert!(open.is_empty(), "never settled: {:?}", open);
    }
}
