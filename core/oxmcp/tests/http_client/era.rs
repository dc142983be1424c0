use std::time::Duration;

use oxmcp::{Client, ErrorKind, Limits, ProtocolVersion};
use serde_json::json;

use crate::peer::{Peer, Reply, Seen, accepted, handshake, json_response, response, result, settled};

/// A server of the handshake era that does something else than to refuse a probe.
fn probed(mut on_probe: impl FnMut(&Seen) -> Reply + Send + 'static) -> Peer {
    Peer::new(move |seen| match seen.what().as_str() {
        "POST server/discover" => on_probe(seen),
        _ => handshake(seen).unwrap(),
    })
}

#[tokio::test]
async fn whatever_is_no_answer_to_the_probe_leads_to_initialize() {
    type Refusal = fn() -> Reply;
    let replies: [(&str, Refusal); 8] = [
        ("nothing", accepted),
        ("HTML", || response("200 OK", &[("Content-Type", "text/html")], "<html>")),
        ("other JSON", || json_response("200 OK", &json!({"status": "ok"}))),
        ("a stream without events", || response("200 OK", &[("Content-Type", "text/event-stream")], "")),
        ("a closed connection", || Reply::Hang),
        ("a refusal", || response("400 Bad Request", &[], "")),
        ("another refusal", || response("404 Not Found", &[("Content-Type", "text/html")], "<html>")),
        ("a failure", || response("500 Internal Server Error", &[], "")),
    ];
    for (what, reply) in replies {
        let mut peer = probed(move |_| reply());
        let client = settled(Client::connect(peer.url.as_str())).await.expect(what);
        assert_eq!(client.protocol_version(), ProtocolVersion::V2025_11_25, "{what}");
        peer.sees(&["POST server/discover", "POST initialize", "POST notifications/initialized"]).await;
        settled(client.close()).await.unwrap();
    }
}

#[tokio::test]
async fn silence_over_the_probe_leads_to_initialize() {
    for reply in ["", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: wait\n\n"] {
        let mut peer = probed(|_| Reply::Stuck(reply.to_owned()));
        let limits = Limits::with(|it| it.probe = Duration::from_millis(1));
        let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
        assert_eq!(client.protocol_version(), ProtocolVersion::V2025_11_25);
        peer.sees(&["POST server/discover", "POST initialize", "POST notifications/initialized"]).await;
        settled(client.close()).await.unwrap();
    }
}

/// A server of both eras that answers its first probe in another way, and what its second client sends it.
async fn second_connection(
    limits: Limits,
    first: impl Fn() -> Reply + Send + 'static,
) -> (ProtocolVersion, Vec<String>) {
    let mut probes = 0;
    let mut peer = probed(move |seen| {
        probes += 1;
        let capabilities = json!({"tools": {}});
        match probes {
            1 => first(),
            _ => result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities})),
        }
    });
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2025_11_25);
    settled(client.close()).await.unwrap();
    peer.rest();
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    let version = client.protocol_version();
    settled(client.close()).await.unwrap();
    (version, peer.rest().iter().map(Seen::what).collect())
}

#[tokio::test]
async fn a_server_that_was_not_there_for_its_probe_is_not_probed_at_each_connection() {
    type Failure = fn() -> Reply;
    let failures: [(&str, Failure); 4] = [
        ("a proxy", || response("502 Bad Gateway", &[("Content-Type", "text/html")], "<html>")),
        ("a failure", || response("500 Internal Server Error", &[], "")),
        ("a closed connection", || Reply::Hang),
        ("silence", || Reply::Stuck(String::new())),
    ];
    for (what, failure) in failures {
        let probe = if what == "silence" { Duration::from_millis(1) } else { Duration::from_secs(30) };
        let limits = Limits::with(|it| it.probe = probe);
        let (version, seen) = second_connection(limits, failure).await;
        assert_eq!(version, ProtocolVersion::V2025_11_25, "{what}");
        assert_eq!(seen, ["POST initialize", "POST notifications/initialized", "DELETE"], "{what}");
    }
}

#[tokio::test]
async fn what_a_server_said_to_its_probe_is_remembered() {
    let (version, seen) =
        second_connection(Limits::default(), || response("405 Method Not Allowed", &[], "")).await;
    assert_eq!(version, ProtocolVersion::V2025_11_25);
    assert_eq!(seen, ["POST initialize", "POST notifications/initialized", "DELETE"]);
}

#[tokio::test]
async fn a_missing_authorization_is_no_era() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let mut peer = probed(move |_| response(status, &[], ""));
        let error = settled(Client::connect(peer.url.as_str())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        peer.sees(&["POST server/discover"]).await;
        assert!(peer.rest().is_empty());
    }
}

#[tokio::test]
async fn who_refuses_everything_is_told_with_its_last_words() {
    const HINT: &str = "is there an MCP server at this address?";
    for (status, kind) in [
        ("503 Service Unavailable", ErrorKind::Overloaded),
        ("429 Too Many Requests", ErrorKind::Overloaded),
        ("501 Not Implemented", ErrorKind::Connect),
        ("405 Method Not Allowed", ErrorKind::Connect),
    ] {
        let peer = Peer::new(move |_| response(status, &[], "come back tomorrow"));
        let error = settled(Client::connect(peer.url.as_str())).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_run()), (kind, false), "{error}");
        let told = error.to_string();
        assert!(told.contains(&status[..3]) && told.contains("come back tomorrow"), "{told}");
        assert_eq!(told.contains(HINT), kind == ErrorKind::Connect, "{told}");
    }
}

#[tokio::test]
async fn a_page_for_people_is_no_server() {
    let page = |_: &Seen| response("200 OK", &[("Content-Type", "text/html")], "<h1>Welcome</h1>");
    let peer = Peer::new(page);
    for only in [None, Some(ProtocolVersion::V2025_06_18), Some(ProtocolVersion::V2026_07_28)] {
        let connecting = Client::connect(peer.url.as_str());
        let connecting = only.into_iter().fold(connecting, |connecting, only| connecting.only(only));
        let error = settled(connecting).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_run()), (ErrorKind::Connect, false), "{only:?}: {error}");
        let told = error.to_string();
        assert!(
            told.contains("is there an MCP server at this address?") && told.contains("text/html"),
            "{told}"
        );
    }
}
