//! Code of the user's that never comes back. The clock stands still from when it is called, and goes on by itself when nothing else is left to
//! do.

use std::future::pending;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp::auth::{Authorization, ClientCredentials, Enterprise, UserAgent, Visit, Workload};
use oxmcp::{Error, ErrorKind, Result};

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::scripted_tokens::ScriptedTokens;
use crate::user::{agreeing, call};

async fn forever<T>() -> T {
    tokio::time::pause();
    pending().await
}

async fn fails(plan: impl FnOnce(&Grantor) -> Authorization, whose: &str) {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    // Nothing but the client's own limits ends it.
    let error: Error =
        oxmcp::Client::connect(resource.url()).authorization(plan(&grantor)).await.err().unwrap();
    tokio::time::resume();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains(whose), "{error}");
}

fn client(grantor: &Grantor) -> ClientCredentials {
    ClientCredentials::secret("reports", "s3cret").issuer(grantor.issuer())
}

#[tokio::test]
async fn an_assertion_that_never_comes_is_given_up() {
    let plan = |grantor: &Grantor| Authorization::workload(Workload::new(client(grantor), forever));
    fails(plan, "assertion").await;
}

#[tokio::test]
async fn an_id_token_that_never_comes_is_given_up() {
    let plan = |grantor: &Grantor| {
        let endpoint = format!("{}/token", grantor.issuer());
        Authorization::enterprise(Enterprise::new(client(grantor), endpoint, forever))
    };
    fails(plan, "ID token").await;
}

struct NeverReady;

impl UserAgent for NeverReady {
    fn prepare<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<Box<dyn Visit>>> {
        forever().boxed()
    }
}

#[tokio::test]
async fn a_user_agent_that_is_never_ready_is_given_up() {
    fails(|_| Authorization::code("Report Builder").user_agent(NeverReady), "prepare").await;
}

/// The clock stands still until it is dropped.
struct Paused;

impl Paused {
    fn new() -> Self {
        tokio::time::pause();
        Self
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

/// The tokens are there, so they are used.
#[tokio::test]
async fn a_store_that_never_keeps_anything_is_not_waited_for_for_ever() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = ScriptedTokens::default();
    tokens.break_with(|| {
        async {
            let _paused = Paused::new();
            pending().await
        }
        .boxed()
    });
    let connect = oxmcp::Client::connect(resource.url()).authorization(agreeing(&grantor).store(tokens));
    let client = connect.await.unwrap();
    call(&client, "anything").await.unwrap();
}
