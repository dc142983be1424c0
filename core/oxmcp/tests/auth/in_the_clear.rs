//! Servers to which nothing confidential goes.

use oxmcp::auth::{Authorization, ClientCredentials};
use oxmcp::{Client, Error, ErrorKind};

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::user::settled;

fn assert_misuse(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(error.to_string().contains("in the clear"), "{error}");
}

#[tokio::test]
async fn tokens_do_not_go_through_public_networks_in_the_clear() {
    let url = "http://mcp.example.com/mcp";
    let plan =
        || Authorization::client_credentials(ClientCredentials::secret("reports", "s3cret").issuer(url));
    let error = settled(Client::connect(url).authorization(plan())).await.err().unwrap();
    assert_misuse(&error);
    let error = settled(Client::connect(url).bearer_token("token")).await.err().unwrap();
    assert_misuse(&error);
    // On this machine they do.
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let error = settled(Client::connect(resource.url()).bearer_token("token")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
}

#[tokio::test]
async fn of_two_authorizations_neither_is_sent() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let connect = || Client::connect(resource.url()).bearer_token("one");
    for connect in [connect().bearer_token("two"), connect().header("authorization", "Basic dHdv")] {
        let error = settled(connect).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    }
    assert!(resource.listener.seen().is_empty());
}
