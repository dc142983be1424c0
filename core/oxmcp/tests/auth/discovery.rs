//! Servers that cannot say now who grants access to them. They are not taken for servers of 2025-03-26, which have nothing to say.

use std::sync::Arc;

use oxmcp::ErrorKind;
use oxmcp::auth::{Authorization, ClientCredentials};
use oxmcp::store::MemoryTokens;

use crate::grantor::Grantor;
use crate::listener::{Seen, text, with};
use crate::resource::Resource;
use crate::user::{absent, agreeing, call, connect};

/// Answers whoever asks for metadata in place of the server, and challenges without saying where that is.
fn troubled(status: u16, body: &'static str) -> crate::listener::Script {
    Arc::new(move |seen: &Seen| {
        if seen.path.starts_with("/.well-known") {
            return Some(text(status, body));
        }
        let is_unauthorized = seen.path == "/mcp" && seen.header("authorization").is_empty();
        is_unauthorized.then(|| with(text(401, ""), "www-authenticate", "Bearer"))
    })
}

const TROUBLE: [(u16, &str, ErrorKind); 6] = [
    (503, "", ErrorKind::Overloaded),
    (500, "oh", ErrorKind::Connect),
    (429, "", ErrorKind::Overloaded),
    (408, "", ErrorKind::Connect),
    (200, "<html>We are back soon.</html>", ErrorKind::Protocol),
    (200, r#"{"authorization_servers": 7}"#, ErrorKind::Protocol),
];

#[tokio::test]
async fn a_client_shows_its_secret_to_no_server_that_cannot_say_who_grants_access() {
    for (status, body, kind) in TROUBLE {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        grantor.ledger(|ledger| ledger.clients.push("reports".to_owned()));
        let tokens = MemoryTokens::default();
        let plan = || {
            let credentials = ClientCredentials::secret("reports", "own-secret").issuer(grantor.issuer());
            Authorization::client_credentials(credentials).store(tokens.clone())
        };
        resource.rules(|rules| rules.first = Some(troubled(status, body)));
        let error = connect(resource.url(), plan()).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        for seen in resource.listener.seen() {
            let is_known =
                seen.path == "/mcp" || seen.path.starts_with("/.well-known/oauth-protected-resource");
            assert!(is_known, "{status} {body}: {seen:?}");
            assert!(!format!("{seen:?}").contains("own-secret"), "{seen:?}");
        }
        resource.rules(|rules| rules.first = None);
        connect(resource.url(), plan()).await.unwrap();
    }
}

#[tokio::test]
async fn an_authorization_server_that_cannot_say_how_it_is_used_is_not_guessed_at() {
    for (status, body, kind) in TROUBLE {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        grantor.ledger(|ledger| {
            ledger.first = Some(Arc::new(move |seen: &Seen| {
                seen.path.starts_with("/.well-known").then(|| text(status, body))
            }));
        });
        let error = connect(resource.url(), agreeing(&grantor)).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert!(grantor.listener.seen().iter().all(|seen| seen.method == "GET"));
        assert!(grantor.ledger(|ledger| ledger.asked.is_empty()));
    }
}

/// Whoever has tokens that can be refreshed does not lose them by it.
#[tokio::test]
async fn a_user_is_not_asked_again_because_a_server_cannot_say_who_grants_access() {
    for (status, body, kind) in TROUBLE {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        let tokens = MemoryTokens::default();
        connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
        let client = connect(resource.url(), absent().store(tokens)).await.unwrap();
        grantor.expire();
        let trouble = troubled(status, body);
        resource.rules(|rules| {
            rules.first = Some(Arc::new(move |seen: &Seen| {
                let is_refused = seen.path == "/mcp";
                trouble(seen)
                    .or_else(|| is_refused.then(|| with(text(401, ""), "www-authenticate", "Bearer")))
            }));
        });
        let error = call(&client, "anything").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        resource.rules(|rules| rules.first = None);
        call(&client, "anything").await.unwrap();
        assert_eq!(grantor.ledger(|ledger| (ledger.asked.len(), ledger.refreshes)), (1, 1));
    }
}
