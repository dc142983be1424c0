//! Servers that name no authorization server, as those of 2025-03-26. They are taken for their own: by users, who see where they are, and by
//! nobody who would show them something secret.

use std::sync::Arc;

use oxmcp::ErrorKind;
use oxmcp::auth::{Authorization, ClientCredentials, Enterprise, Secret, SigningKey, Workload};
use serde_json::json;

use crate::grantor::Grantor;
use crate::listener::{Seen, json as answer, text, with};
use crate::resource::Resource;
use crate::user::{agreeing, call, connect};

const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n\
    OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n\
    1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n\
    -----END PRIVATE KEY-----\n";

/// A server that issues its own tokens, of which it says nothing: whoever looks for metadata gets that status.
fn silent(grantor: &Grantor, status: u16) -> Resource {
    let resource = Resource::new(grantor);
    let url = resource.url().to_owned();
    let origin = origin(&resource);
    grantor.ledger(|ledger| {
        ledger.iss = Some(origin);
        ledger.clients.push("reports".to_owned());
    });
    let grantor = grantor.clone();
    let first = move |seen: &Seen| {
        if seen.path.contains("/.well-known") {
            return Some(text(status, ""));
        }
        let is_authorized = grantor.scopes(seen.header("authorization"), &url).is_some();
        if seen.path == "/mcp" && !is_authorized {
            return Some(with(text(401, ""), "www-authenticate", "Bearer"));
        }
        grantor.answer_for(seen)
    };
    resource.rules(|rules| rules.first = Some(Arc::new(first)));
    resource
}

fn origin(resource: &Resource) -> String {
    resource.url().strip_suffix("/mcp").unwrap().to_owned()
}

/// The requests for tokens by that grant that came to the server itself.
fn asked_by(resource: &Resource, grant: &str) -> usize {
    let seen = resource.listener.seen();
    seen.iter().filter(|seen| seen.path == "/token" && seen.field("grant_type").ends_with(grant)).count()
}

/// Every plan that shows somebody something secret, for clients that are good at `issuer`, if that is said.
fn confidential(grantor: &Grantor, issuer: Option<&str>) -> Vec<(&'static str, Authorization)> {
    let of = |client: ClientCredentials| match issuer {
        Some(issuer) => client.issuer(issuer),
        None => client,
    };
    let secret = || of(ClientCredentials::secret("reports", "own-secret"));
    let public = || of(ClientCredentials::public("reports"));
    let key = SigningKey::from_pem(PEM, "ES256").unwrap();
    let token_endpoint = format!("{}/token", grantor.issuer());
    let id_token = || async { Ok(Secret::new("id-token")) };
    vec![
        ("client_credentials", Authorization::client_credentials(secret())),
        (
            "client_credentials",
            Authorization::client_credentials(of(ClientCredentials::private_key("reports", key))),
        ),
        (
            "jwt-bearer",
            Authorization::enterprise(
                Enterprise::new(public(), token_endpoint, id_token)
                    .identity_provider_client(ClientCredentials::public("reports")),
            ),
        ),
        (
            "jwt-bearer",
            Authorization::workload(Workload::new(public(), || async { Ok(Secret::new("assertion")) })),
        ),
        ("authorization_code", agreeing(grantor).registered(secret())),
    ]
}

#[tokio::test]
async fn nothing_secret_goes_to_a_server_of_which_nobody_says_that_it_grants_access() {
    for (status, kind) in
        [(404, ErrorKind::Unauthorized), (401, ErrorKind::Protocol), (403, ErrorKind::Protocol)]
    {
        let grantor = Grantor::new();
        let resource = silent(&grantor, status);
        for (grant, plan) in confidential(&grantor, None) {
            let error = connect(resource.url(), plan).await.err().unwrap();
            assert_eq!(error.kind(), kind, "{status} {grant}: {error}");
            let told = if status == 404 { "(`issuer`)".to_owned() } else { format!("HTTP {status}") };
            assert!(error.to_string().contains(&told), "{status} {grant}: {error}");
        }
        let seen = resource.listener.seen();
        let is_harmless = |seen: &Seen| seen.path == "/mcp" || seen.path.contains("/.well-known");
        assert!(seen.iter().all(is_harmless), "{status}: {seen:?}");
        // Nor was a user asked, nor an identity provider.
        assert!(grantor.ledger(|ledger| ledger.asked.is_empty()), "{status}");
        assert!(grantor.listener.seen().is_empty(), "{status}");
    }
}

#[tokio::test]
async fn whoever_names_such_a_server_shows_it_what_it_takes() {
    let grantor = Grantor::new();
    let resource = silent(&grantor, 404);
    let issuer = origin(&resource);
    let plans = confidential(&grantor, Some(&issuer));
    for (grant, plan) in plans {
        let before = asked_by(&resource, grant);
        let client = connect(resource.url(), plan).await.unwrap();
        call(&client, "anything").await.unwrap();
        assert_eq!(asked_by(&resource, grant), before + 1, "{grant}");
    }
}

/// A client that the server has registered has its secret from there.
#[tokio::test]
async fn users_go_on_to_authorize_clients_at_servers_of_2025_03_26() {
    let grantor = Grantor::new();
    let resource = silent(&grantor, 404);
    let registering = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    assert_eq!(grantor.ledger(|ledger| ledger.registrations), 1);
    let public = agreeing(&grantor).registered(ClientCredentials::public("reports"));
    let public = connect(resource.url(), public).await.unwrap();
    assert_eq!(asked_by(&resource, "authorization_code"), 2);
    grantor.expire();
    for client in [registering, public] {
        call(&client, "anything").await.unwrap();
    }
    assert_eq!(asked_by(&resource, "refresh_token"), 2);
    assert_eq!(grantor.ledger(|ledger| ledger.registrations), 1);
}

/// Tokens may be older than the silence of the server that issued them.
#[tokio::test]
async fn a_secret_is_not_shown_for_a_refresh_when_the_metadata_is_gone() {
    let grantor = Grantor::new();
    let resource = silent(&grantor, 404);
    let rest = resource.rules(|rules| rules.first.clone()).unwrap();
    let issuer = origin(&resource);
    resource.rules(|rules| {
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "code_challenge_methods_supported": ["S256"],
        });
        let rest = rest.clone();
        rules.first = Some(Arc::new(move |seen: &Seen| match seen.path.as_str() {
            "/.well-known/oauth-authorization-server" => Some(answer(200, &metadata)),
            _ => rest(seen),
        }));
    });
    let plan = agreeing(&grantor).registered(ClientCredentials::secret("reports", "own-secret"));
    let client = connect(resource.url(), plan).await.unwrap();
    resource.rules(|rules| rules.first = Some(rest));
    grantor.expire();
    let error = call(&client, "anything").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.to_string().contains("`issuer`"), "{error}");
    assert_eq!(asked_by(&resource, "refresh_token"), 0);
}

/// What is closed in one place may be open in the next.
#[tokio::test]
async fn metadata_is_looked_for_beyond_places_that_are_closed() {
    for status in [401, 403] {
        for place in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server"] {
            let grantor = Grantor::new();
            let resource = silent(&grantor, status);
            let rest = resource.rules(|rules| rules.first.clone()).unwrap();
            let mut metadata = resource.rules(|rules| rules.metadata.clone());
            if place.ends_with("oauth-authorization-server") {
                metadata = grantor.ledger(|ledger| ledger.metadata.clone());
                metadata["issuer"] = json!(origin(&resource));
            } else {
                grantor.ledger(|ledger| ledger.iss = None);
            }
            let first = move |seen: &Seen| match seen.path == place {
                true => Some(answer(200, &metadata)),
                false => rest(seen),
            };
            resource.rules(|rules| rules.first = Some(Arc::new(first)));
            let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
            call(&client, "anything").await.unwrap();
        }
    }
}
