use oxmcp::{Client, ErrorKind};
use serde_json::json;

use crate::peer::{Peer, response, result, settled};

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
