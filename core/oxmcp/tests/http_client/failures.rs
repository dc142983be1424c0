use std::future::IntoFuture;
use std::time::Duration;

use oxmcp::{Client, ErrorKind, Limits};
use serde_json::json;

use crate::peer::{Peer, Reply, Seen, error, response, result, settled};

/// A server of 2026-07-28, which answers other requests than those of its discovery and lists as it is told.
fn server(mut answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Peer {
    Peer::new(move |seen| match seen.what().as_str() {
        "POST server/discover" => {
            let capabilities = json!({"tools": {}, "resources": {}});
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities}))
        }
        "POST tools/list" => {
            let tool = |name: &str, annotations: serde_json::Value| json!({"name": name, "inputSchema": {"type": "object"}, "annotations": annotations});
            let tools = json!([
                tool("look", json!({"readOnlyHint": true})),
                tool("put", json!({"idempotentHint": true})),
                tool("effect", json!({"readOnlyHint": false})),
            ]);
            result(seen, json!({"resultType": "complete", "tools": tools}))
        }
        _ => answer(seen),
    })
}

fn done(seen: &Seen) -> Reply {
    result(seen, json!({"resultType": "complete", "content": [], "contents": []}))
}

async fn connect(peer: &Peer, retries: usize) -> Client {
    let limits = Limits::with(|it| it.retries = retries);
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    settled(client.list_tools()).await.unwrap();
    client
}

/// The requests that the peer was sent since it was asked what it has.
fn asked(peer: &mut Peer) -> usize {
    let known = ["POST server/discover", "POST tools/list"];
    peer.all().iter().filter(|seen| !known.contains(&seen.what().as_str())).count()
}

type Failure = fn(&Seen) -> Reply;

/// Failures after which nobody knows whether the call has run.
const UNKNOWN: [Failure; 5] = [
    |_| Reply::Hang,
    |_| Reply::Last("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: soon\n\n".to_owned()),
    |_| response("502 Bad Gateway", &[], ""),
    |_| response("503 Service Unavailable", &[], ""),
    |_| response("504 Gateway Timeout", &[], ""),
];

/// Failures that say that it has not.
const UNTAKEN: [Failure; 3] = [
    |_| response("429 Too Many Requests", &[], ""),
    |_| response("429 Too Many Requests", &[("Retry-After", "0")], ""),
    |_| response("503 Service Unavailable", &[("Retry-After", "0")], ""),
];

/// A server that fails once.
fn failing_once(failure: Failure) -> Peer {
    let mut has_failed = false;
    server(move |seen| if std::mem::replace(&mut has_failed, true) { done(seen) } else { failure(seen) })
}

#[tokio::test]
async fn what_may_be_done_twice_is_asked_again() {
    for failure in UNKNOWN.into_iter().chain(UNTAKEN) {
        for name in ["look", "put"] {
            let mut peer = failing_once(failure);
            let client = connect(&peer, 3).await;
            settled(client.call_tool(name, json!({}))).await.unwrap();
            assert_eq!(asked(&mut peer), 2);
        }
        let mut peer = failing_once(failure);
        let client = connect(&peer, 3).await;
        settled(client.read_resource("x:y")).await.unwrap();
        assert_eq!(asked(&mut peer), 2);
    }
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_asked_again_only_if_it_was_not_taken() {
    for failure in UNTAKEN {
        let mut peer = failing_once(failure);
        let client = connect(&peer, 3).await;
        settled(client.call_tool("effect", json!({}))).await.unwrap();
        assert_eq!(asked(&mut peer), 2);
    }
    for failure in UNKNOWN {
        let mut peer = failing_once(failure);
        let client = connect(&peer, 3).await;
        let error = settled(client.call_tool("effect", json!({}))).await.unwrap_err();
        assert!(error.may_have_run(), "{error}");
        assert_eq!(asked(&mut peer), 1);
        // Nor is a tool that was never listed.
        let mut peer = failing_once(failure);
        let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
        let error = settled(client.call_tool("look", json!({}))).await.unwrap_err();
        assert!(error.may_have_run(), "{error}");
        assert_eq!(asked(&mut peer), 1);
    }
}

#[tokio::test]
async fn nothing_is_asked_again_for_ever() {
    for (retries, times) in [(0, 1), (1, 2), (2, 3)] {
        let mut peer = server(|_| response("503 Service Unavailable", &[], "later"));
        let client = connect(&peer, retries).await;
        let error = settled(client.call_tool("look", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        assert_eq!(asked(&mut peer), times);
    }
    // Nor after the time of the call.
    let long: [Failure; 2] = [
        |_| response("503 Service Unavailable", &[("Retry-After", "3600")], "later"),
        |_| response("429 Too Many Requests", &[("Retry-After", "18446744073709551615")], "never"),
    ];
    for failure in long {
        let mut peer = server(failure);
        let client = connect(&peer, 3).await;
        let error = settled(client.call_tool("look", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        assert!(!error.may_have_run());
        assert_eq!(asked(&mut peer), 1);
    }
}

#[tokio::test]
async fn a_call_that_the_server_has_begun_has_run_even_if_its_next_round_was_not_taken() {
    let mut rounds = 0;
    let mut peer = server(move |seen| {
        rounds += 1;
        match rounds {
            1 => result(seen, json!({"resultType": "input_required", "requestState": "charged"})),
            _ => response("429 Too Many Requests", &[], ""),
        }
    });
    let client = connect(&peer, 0).await;
    let error = settled(client.call_tool("effect", json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    assert!(error.may_have_run(), "its steps may have had effects");
    assert_eq!(asked(&mut peer), 2);
}

#[tokio::test]
async fn what_asking_again_cannot_mend_is_asked_once() {
    let failures: [(Failure, bool); 6] = [
        (|_| response("500 Internal Server Error", &[], ""), true),
        (|_| response("200 OK", &[("Content-Type", "text/html")], "<html>"), true),
        (|seen| result(seen, json!({"resultType": "odd"})), true),
        (|seen| result(seen, json!({"resultType": "complete", "content": 5})), true),
        (|_| response("400 Bad Request", &[], ""), false),
        (|seen| error("200 OK", seen, -32603), false),
    ];
    for (failure, may_have_run) in failures {
        let mut peer = server(failure);
        let client = connect(&peer, 3).await;
        let error = settled(client.call_tool("look", json!({}))).await.unwrap_err();
        assert_eq!(error.may_have_run(), may_have_run, "{error}");
        assert_eq!(asked(&mut peer), 1);
    }
}

#[tokio::test]
async fn a_call_that_was_not_sent_has_not_run() {
    let mut peer = server(|_| Reply::Stuck(String::new()));
    let client = connect(&peer, 0).await;
    let calling = tokio::spawn(client.call_tool("effect", json!({})).into_future());
    while peer.next().await.what() != "POST tools/call" {}
    settled(client.close()).await.unwrap();
    let error = settled(calling).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert!(error.may_have_run());

    let client = connect(&peer, 0).await;
    drop(peer);
    let mut error = settled(client.call_tool("effect", json!({}))).await.unwrap_err();
    if error.kind() == ErrorKind::Closed {
        // The connection was kept, and its end not seen yet.
        error = settled(client.call_tool("effect", json!({}))).await.unwrap_err();
    }
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(!error.may_have_run());

    settled(client.close()).await.unwrap();
    let error = settled(client.call_tool("effect", json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert!(!error.may_have_run());
}

#[tokio::test]
async fn calls_that_wait_for_a_connection_say_so() {
    let peer = server(|_| Reply::Stuck(String::new()));
    let limits = Limits::with(|it| it.http_connections = 1);
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    let busy = client.call_tool("effect", json!({}));
    let waiting = client.call_tool("effect", json!({})).timeout(Duration::from_millis(50));
    let waited = async {
        let error = settled(waiting).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        assert!(error.to_string().contains("http_connections") && !error.may_have_run(), "{error}");
    };
    tokio::select! {
        biased;
        outcome = busy.into_future() => panic!("{outcome:?}"),
        () = waited => {}
    }
}

#[tokio::test]
async fn a_status_says_whether_to_try_again() {
    for (status, kind) in [
        ("408 Request Timeout", ErrorKind::Overloaded),
        ("425 Too Early", ErrorKind::Overloaded),
        ("429 Too Many Requests", ErrorKind::Overloaded),
        ("500 Internal Server Error", ErrorKind::Overloaded),
        ("502 Bad Gateway", ErrorKind::Overloaded),
        ("503 Service Unavailable", ErrorKind::Overloaded),
        ("504 Gateway Timeout", ErrorKind::Overloaded),
        ("400 Bad Request", ErrorKind::Protocol),
        ("404 Not Found", ErrorKind::Protocol),
        ("501 Not Implemented", ErrorKind::Protocol),
        ("401 Unauthorized", ErrorKind::Unauthorized),
    ] {
        let peer = Peer::new(move |seen| match seen.what().as_str() {
            "POST server/discover" => {
                result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}))
            }
            _ => response(status, &[], "these words"),
        });
        let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
        let error = settled(client.call_tool("any", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let words = if kind == ErrorKind::Unauthorized { "authorization" } else { "these words" };
        assert!(error.to_string().contains(&status[..3]) && error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_was_wanted() {
    const CHALLENGE: [(&str, &str); 1] = [("WWW-Authenticate", "Bearer")];
    const PAGE: [(&str, &str); 1] = [("Content-Type", "text/html; charset=utf-8")];
    const NONE_SENT: &str = "it wants authorization, and none was sent";
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str, [&'static str; 2]);
    let not_accepted = "it does not accept the authorization that was sent";
    let not_allowed = "it does not allow it with the authorization that was sent";
    let cases: [Case; 6] = [
        ("401 Unauthorized", &CHALLENGE, "", [NONE_SENT, not_accepted]),
        ("401 Unauthorized", &[], "expired\u{1b}[31m", ["expired [31m; it wants", "expired [31m; it does"]),
        (
            "401 Unauthorized",
            &PAGE,
            "<h1>Log in</h1>",
            ["HTTP 401 Unauthorized; it wants", "HTTP 401 Unauthorized; it does"],
        ),
        ("403 Forbidden", &CHALLENGE, "", [NONE_SENT, not_allowed]),
        ("403 Forbidden", &[], "", ["`Host`", "`Host`"]),
        (
            "403 Forbidden",
            &[],
            "not from there",
            ["HTTP 403 Forbidden: not from there", "HTTP 403 Forbidden: not from there"],
        ),
    ];
    for (status, headers, body, words) in cases {
        let peer = Peer::new(move |_| response(status, headers, body));
        for (token, words) in [None, Some("secret-token")].into_iter().zip(words) {
            let connecting = Client::connect(peer.url.as_str());
            let connecting =
                token.into_iter().fold(connecting, |connecting, token| connecting.bearer_token(token));
            let error = settled(connecting).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
    }
}
