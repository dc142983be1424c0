//! The names of authorization servers: which of them are the same, and where each letter counts.

use std::sync::Arc;

use oxmcp::ErrorKind;
use oxmcp::auth::{Authorization, ClientCredentials};
use serde_json::json;

use crate::grantor::Grantor;
use crate::listener::Seen;
use crate::resource::Resource;
use crate::user::{agreeing, call, connect};

/// A server at the root of its host, as it is named by the resource, by its own metadata, and by the user.
#[tokio::test]
async fn a_root_is_the_same_with_and_without_its_slash() {
    for spelling in 0..8 {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        let root = grantor.issuer();
        let spelled = |bit: u32| if spelling & (1 << bit) == 0 { root.clone() } else { format!("{root}/") };
        resource.rules(|rules| rules.metadata["authorization_servers"] = json!([spelled(0)]));
        grantor.ledger(|ledger| {
            ledger.metadata["issuer"] = json!(spelled(1));
            ledger.clients.push("reports".to_owned());
        });
        let credentials = ClientCredentials::secret("reports", "s3cret").issuer(spelled(2));
        let client = connect(resource.url(), Authorization::client_credentials(credentials)).await.unwrap();
        call(&client, "anything").await.unwrap();
        assert_eq!(grantor.asked_by("client_credentials").len(), 1, "{spelling}");
    }
}

#[tokio::test]
async fn one_with_a_path_is_not() {
    for (named, says) in [("/tenant", "/tenant/"), ("/tenant/", "/tenant"), ("", "//")] {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        let root = grantor.issuer();
        resource.rules(|rules| rules.metadata["authorization_servers"] = json!([format!("{root}{named}")]));
        let says = json!({"issuer": format!("{root}{says}"), "token_endpoint": format!("{root}/token")});
        grantor.ledger(|ledger| {
            ledger.first = Some(Arc::new(move |seen: &Seen| {
                let is_metadata = seen.path.starts_with("/.well-known/oauth-authorization-server");
                is_metadata.then(|| crate::listener::json(200, &says))
            }));
        });
        let credentials = ClientCredentials::secret("reports", "s3cret");
        let refused = connect(resource.url(), Authorization::client_credentials(credentials)).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Protocol, "{named}");
        assert_eq!(grantor.asked_by("client_credentials").len(), 0, "{named}");
    }
}

/// What an answer names is compared with what the metadata says, letter by letter (RFC 9207, section 2.4).
#[tokio::test]
async fn an_answer_names_its_server_as_the_server_names_itself() {
    for (says, answers, is_same) in [("", "", true), ("/", "/", true), ("", "/", false), ("/", "", false)] {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        let root = grantor.issuer();
        grantor.ledger(|ledger| {
            ledger.metadata["issuer"] = json!(format!("{root}{says}"));
            ledger.iss = Some(format!("{root}{answers}"));
        });
        let connected = connect(resource.url(), agreeing(&grantor)).await;
        assert_eq!(connected.is_ok(), is_same, "{says:?} {answers:?}: {connected:?}");
        assert_eq!(grantor.asked_by("authorization_code").len(), usize::from(is_same));
    }
}
