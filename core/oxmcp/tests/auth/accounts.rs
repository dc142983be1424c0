//! Clients that share a store, and must not share their tokens.

use oxmcp::ErrorKind;
use oxmcp::auth::{Authorization, ClientCredentials, Enterprise, Secret, Workload};
use oxmcp::store::MemoryTokens;

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::user::{agreeing, call, connect};

fn world() -> (Grantor, Resource, MemoryTokens) {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| ledger.clients = ["one", "other"].map(str::to_owned).to_vec());
    (grantor, resource, MemoryTokens::default())
}

fn client(grantor: &Grantor, id: &str) -> ClientCredentials {
    ClientCredentials::secret(id, "s3cret").issuer(grantor.issuer())
}

/// Connects with each of these, twice, and gives the tokens that were sent with calls.
async fn tokens_of(resource: &Resource, plans: Vec<Box<dyn Fn() -> Authorization>>) -> Vec<String> {
    for plan in plans.iter().chain(&plans) {
        let client = connect(resource.url(), plan()).await.unwrap();
        call(&client, "anything").await.unwrap();
    }
    let calls = resource.listener.seen().into_iter().filter(|seen| seen.body.contains("tools/call"));
    calls.map(|seen| seen.header("authorization").to_owned()).collect()
}

fn assert_apart(tokens: &[String]) {
    let [one, other, one_again, other_again] = tokens else { panic!("{tokens:?}") };
    assert_ne!(one, other);
    assert_eq!((one, other), (one_again, other_again));
}

#[tokio::test]
async fn clients_have_their_own_tokens() {
    let (grantor, resource, store) = world();
    let plan = |id: &'static str| {
        let (grantor, store) = (grantor.clone(), store.clone());
        Box::new(move || Authorization::client_credentials(client(&grantor, id)).store(store.clone()))
            as Box<dyn Fn() -> Authorization>
    };
    assert_apart(&tokens_of(&resource, vec![plan("one"), plan("other")]).await);
    assert_eq!(grantor.asked_by("client_credentials").len(), 2);
}

#[tokio::test]
async fn users_whom_an_identity_provider_vouches_for_have_their_own_tokens() {
    let (grantor, resource, store) = world();
    let plan = |user: &'static str| {
        let (grantor, store) = (grantor.clone(), store.clone());
        Box::new(move || {
            let endpoint = format!("{}/token", grantor.issuer());
            let own = client(&grantor, "one");
            let enterprise =
                Enterprise::new(own.clone(), endpoint, move || async move { Ok(Secret::new(user)) });
            Authorization::enterprise(enterprise.identity_provider_client(own))
                .store(store.clone())
                .account(user)
        }) as Box<dyn Fn() -> Authorization>
    };
    assert_apart(&tokens_of(&resource, vec![plan("alice"), plan("bob")]).await);
    let asked = grantor.asked_by("urn:ietf:params:oauth:grant-type:token-exchange");
    let subjects: Vec<_> = asked.iter().map(|asked| asked.field("subject_token")).collect();
    assert_eq!(subjects, ["alice", "bob"]);
}

#[tokio::test]
async fn workloads_and_users_in_browsers_have_their_own_tokens_if_they_are_named() {
    let (grantor, resource, store) = world();
    let workload = |account: &'static str| {
        let (grantor, store) = (grantor.clone(), store.clone());
        Box::new(move || {
            let workload =
                Workload::new(client(&grantor, "one"), move || async move { Ok(Secret::new(account)) });
            Authorization::workload(workload).store(store.clone()).account(account)
        }) as Box<dyn Fn() -> Authorization>
    };
    assert_apart(&tokens_of(&resource, vec![workload("one"), workload("two")]).await);
    let (grantor, resource, store) = world();
    let user = |account: &'static str| {
        let (grantor, store) = (grantor.clone(), store.clone());
        Box::new(move || agreeing(&grantor).store(store.clone()).account(account))
            as Box<dyn Fn() -> Authorization>
    };
    assert_apart(&tokens_of(&resource, vec![user("alice"), user("bob")]).await);
    assert_eq!(grantor.ledger(|ledger| ledger.asked.len()), 2);
}

/// Whoever is authorized in another way is somebody else.
#[tokio::test]
async fn a_program_that_speaks_for_itself_does_not_go_on_as_its_user() {
    let (grantor, resource, store) = world();
    connect(resource.url(), agreeing(&grantor).store(store.clone())).await.unwrap();
    let itself = Authorization::client_credentials(client(&grantor, "one")).store(store);
    connect(resource.url(), itself).await.unwrap();
    assert_eq!(grantor.asked_by("client_credentials").len(), 1);
}

#[tokio::test]
async fn an_identity_provider_vouches_for_somebody() {
    let (grantor, resource, store) = world();
    let endpoint = format!("{}/token", grantor.issuer());
    let enterprise =
        Enterprise::new(client(&grantor, "one"), endpoint, || async { Ok(Secret::new("alice")) });
    let error =
        connect(resource.url(), Authorization::enterprise(enterprise).store(store)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(error.to_string().contains("account"), "{error}");
    assert!(resource.listener.seen().is_empty());
}
