//! Code of the user's that panics. It costs the call for which it ran, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp::auth::{
    Authorization, Callback, ClientCredentials, Enterprise, Secret, UserAgent, Visit, Workload,
};
use oxmcp::{ErrorKind, Result};

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::scripted_tokens::ScriptedTokens;
use crate::user::{REDIRECT_URI, agreeing, call, connect};

/// Panics when it is told to, once.
#[derive(Clone, Default)]
struct Trap(Arc<AtomicBool>);

impl Trap {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn step(&self) {
        assert!(!self.0.swap(false, Ordering::SeqCst), "a trap, with token-unseen in it");
    }
}

async fn survives(plan: impl FnOnce(&Grantor, Trap) -> Authorization, whose: &str) {
    let grantor = Grantor::new();
    grantor.ledger(|ledger| ledger.clients.push("reports".to_owned()));
    let resource = Resource::new(&grantor);
    let trap = Trap::default();
    let client = connect(resource.url(), plan(&grantor, trap.clone())).await.unwrap();
    grantor.expire();
    grantor.ledger(|ledger| ledger.forget_refresh_tokens());
    trap.set();
    let error = call(&client, "anything").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(error.to_string().contains(whose) && !error.to_string().contains("unseen"), "{error}");
    call(&client, "anything").await.unwrap();
}

fn machine(grantor: &Grantor) -> ClientCredentials {
    ClientCredentials::secret("reports", "s3cret").issuer(grantor.issuer())
}

#[tokio::test]
async fn a_user_agent_that_panics_costs_one_call() {
    let shown = |grantor: &Grantor, trap: Trap| {
        let grantor = grantor.clone();
        Authorization::code("Report Builder").user_agent(Callback::new(REDIRECT_URI, move |url| {
            trap.step();
            let answer = grantor.approve(&url);
            async move { Ok(answer) }
        }))
    };
    survives(shown, "shows the page").await;

    struct Trapped<U>(Trap, U);

    impl<U: UserAgent> UserAgent for Trapped<U> {
        fn prepare<'a>(&'a self, registered: &'a [String]) -> BoxFuture<'a, Result<Box<dyn Visit>>> {
            self.0.step();
            self.1.prepare(registered)
        }
    }

    let prepared = |grantor: &Grantor, trap: Trap| {
        let grantor = grantor.clone();
        let agrees = Callback::new(REDIRECT_URI, move |url| {
            let answer = grantor.approve(&url);
            async move { Ok(answer) }
        });
        Authorization::code("Report Builder").user_agent(Trapped(trap, agrees))
    };
    survives(prepared, "prepare").await;
}

#[tokio::test]
async fn a_source_of_assertions_that_panics_costs_one_call() {
    let workload = |grantor: &Grantor, trap: Trap| {
        let assertion = move || {
            trap.step();
            async { Ok(Secret::new("assertion")) }
        };
        Authorization::workload(Workload::new(machine(grantor), assertion))
    };
    survives(workload, "assertion").await;
    let enterprise = |grantor: &Grantor, trap: Trap| {
        let id_token = move || {
            let trap = trap.clone();
            async move {
                trap.step();
                Ok(Secret::new("id-token"))
            }
        };
        let endpoint = format!("{}/token", grantor.issuer());
        let own = machine(grantor);
        Authorization::enterprise(
            Enterprise::new(own.clone(), endpoint, id_token).identity_provider_client(own),
        )
    };
    survives(enterprise, "ID token").await;
}

/// The tokens are there, so they are used.
#[tokio::test]
async fn a_store_that_panics_costs_no_call() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = ScriptedTokens::default();
    let client = connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    tokens.break_with(|| async { panic!("a store, with token-unseen in it") }.boxed());
    grantor.expire();
    call(&client, "anything").await.unwrap();
}
