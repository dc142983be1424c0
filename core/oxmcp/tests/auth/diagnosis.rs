//! What people are told when a client is not authorized: what happened, and where.

use std::sync::Arc;

use oxmcp::auth::{Authorization, ClientCredentials};
use oxmcp::{Client, Error, ErrorKind};
use serde_json::json;

use crate::grantor::Grantor;
use crate::listener::{Seen, json as answer, text};
use crate::resource::Resource;
use crate::user::{agreeing, connect};

fn machine() -> Authorization {
    Authorization::client_credentials(ClientCredentials::secret("reports", "s3cret"))
}

async fn failure(resource: &Resource, authorization: Authorization) -> Error {
    connect(resource.url(), authorization).await.err().unwrap()
}

#[track_caller]
fn assert_says(error: &Error, wanted: &[&str]) {
    for words in wanted {
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn an_authorization_server_that_cannot_be_reached_is_named_with_the_cause() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    resource.rules(|rules| rules.metadata["authorization_servers"] = json!(["http://127.0.0.1:0"]));
    let error = failure(&resource, machine()).await;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert_says(&error, &["http://127.0.0.1:0/.well-known/", "os error"]);
}

#[tokio::test]
async fn metadata_that_is_nowhere_is_told_place_by_place() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| {
        ledger.first = Some(Arc::new(|seen: &Seen| match seen.path.as_str() {
            "/.well-known/oauth-authorization-server" => Some(text(500, "down")),
            "/.well-known/openid-configuration" => Some(text(200, "<html>")),
            _ => None,
        }));
    });
    let error = failure(&resource, machine()).await;
    let at = |place: &str| format!("{}/.well-known/{place}", grantor.issuer());
    let failing = at("oauth-authorization-server") + " answered with HTTP 500";
    let other = at("openid-configuration") + " is no such metadata";
    assert_says(&error, &[&failing, &other]);
}

#[tokio::test]
async fn a_server_that_wants_something_else_than_oauth_is_not_taken_for_a_broken_authorization_server() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    resource.rules(|rules| {
        rules.first = Some(Arc::new(|seen: &Seen| match seen.path.as_str() {
            "/mcp" => Some(text(401, "X-Api-Key is missing")),
            _ => Some(text(404, "")),
        }));
    });
    for authorization in [machine(), agreeing(&grantor)] {
        let error = failure(&resource, authorization).await;
        assert_says(&error, &["HTTP 404", "names no authorization server", "API key", "header"]);
    }
    let error = Client::connect(resource.url()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert_says(&error, &["HTTP 401", "X-Api-Key is missing"]);
}

#[tokio::test]
async fn a_token_that_was_given_by_hand_is_not_repeated() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    for is_json in [false, true] {
        resource.rules(|rules| {
            rules.first = Some(Arc::new(move |seen: &Seen| {
                let words = format!("nobody knows {}", seen.header("authorization"));
                Some(match is_json {
                    true => answer(
                        401,
                        &json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": words}}),
                    ),
                    false => text(401, words),
                })
            }));
        });
        let error = Client::connect(resource.url()).bearer_token("given-unseen").await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert_says(&error, &["nobody knows Bearer (concealed)"]);
        assert!(!format!("{error} {error:?}").contains("given-unseen"), "{error:?}");
    }
}
