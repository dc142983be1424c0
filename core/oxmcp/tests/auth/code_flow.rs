//! Whatever may come between a client and its tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oxmcp::ErrorKind;
use oxmcp::auth::{Authorization, Callback, ClientCredentials};
use oxmcp::store::MemoryTokens;
use tokio::sync::Notify;

use crate::grantor::Grantor;
use crate::listener::{text, with};
use crate::resource::Resource;
use crate::user::{REDIRECT_URI, absent, agreeing, call, connect, settled};

fn asked(grantor: &Grantor) -> Vec<String> {
    grantor.ledger(|ledger| ledger.asked.iter().map(|(scope, _)| scope.clone()).collect())
}

#[tokio::test]
async fn more_is_asked_for_together_with_what_was_granted_and_only_when_it_is_more() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let client = connect(resource.url(), agreeing(&grantor).scopes(["base"])).await.unwrap();
    call(&client, "needs a").await.unwrap();
    call(&client, "needs a base").await.unwrap();
    call(&client, "needs b").await.unwrap();
    call(&client, "anything").await.unwrap();
    assert_eq!(asked(&grantor), ["base", "base a", "base a b"]);
}

#[tokio::test]
async fn a_server_that_always_wants_more_is_given_up_on() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    let before = asked(&grantor).len();
    let calls = Arc::new(AtomicUsize::new(0));
    resource.rules(|rules| {
        rules.first = Some(Arc::new(move |seen| {
            let wanted = seen.body.contains("tools/call").then(|| calls.fetch_add(1, Ordering::SeqCst))?;
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"more-{wanted}\"");
            Some(with(text(403, ""), "www-authenticate", &challenge))
        }));
    });
    let error = call(&client, "anything").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let tries = asked(&grantor).len() - before;
    assert!((1..=3).contains(&tries), "the user was asked {tries} times");
}

/// A server that grants less than it was asked for, and wants it nevertheless, would ask for ever.
#[tokio::test]
async fn what_was_not_granted_is_not_asked_for_twice() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| ledger.grants_alone = Some("base".to_owned()));
    let client = connect(resource.url(), agreeing(&grantor).scopes(["base"])).await.unwrap();
    let error = call(&client, "needs a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert_eq!(asked(&grantor), ["base", "base a"]);
    call(&client, "anything").await.unwrap();
}

#[tokio::test]
async fn another_authorization_server_gets_nothing_of_the_first() {
    let (first, second) = (Grantor::new(), Grantor::new());
    let resource = Resource::new(&first);
    let grantors = [first.clone(), second.clone()];
    let authorization =
        Authorization::code("Report Builder").user_agent(Callback::new(REDIRECT_URI, move |url| {
            let asked = grantors.iter().find(|grantor| url.as_str().starts_with(&grantor.issuer()));
            let answer = asked.unwrap().approve(&url);
            async move { Ok(answer) }
        }));
    let client = connect(resource.url(), authorization).await.unwrap();
    resource.rules(|rules| {
        rules.metadata["authorization_servers"][0] = second.issuer().into();
        rules.grantor = second.clone();
    });
    call(&client, "anything").await.unwrap();
    assert_eq!((asked(&first).len(), asked(&second).len()), (1, 1));
    assert_eq!(second.ledger(|ledger| ledger.registrations), 1);
    let secrets = first.ledger(|ledger| ledger.secrets.clone());
    for seen in second.listener.seen() {
        let all = format!("{seen:?}");
        assert!(!secrets.iter().any(|secret| all.contains(secret)), "{all}");
    }
}

#[tokio::test]
async fn credentials_of_one_server_are_not_shown_to_the_next() {
    let (first, second) = (Grantor::new(), Grantor::new());
    let resource = Resource::new(&first);
    first.ledger(|ledger| ledger.clients.push("reports".to_owned()));
    let tokens = MemoryTokens::default();
    let known = || ClientCredentials::secret("reports", "own-secret-unseen");
    let machine = Authorization::client_credentials(known()).store(tokens.clone());
    let client = connect(resource.url(), machine).await.unwrap();
    resource.rules(|rules| {
        rules.metadata["authorization_servers"][0] = second.issuer().into();
        rules.grantor = second.clone();
    });
    let error = call(&client, "anything").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(
        error.to_string().contains(&first.issuer()) && error.to_string().contains(&second.issuer()),
        "{error}"
    );
    // Nor when the program starts anew.
    let error =
        connect(resource.url(), agreeing(&second).registered(known()).store(tokens)).await.err().unwrap();
    assert!(error.to_string().contains(&first.issuer()), "{error}");
    assert!(second.asked_by("client_credentials").is_empty() && asked(&second).is_empty());
}

#[tokio::test]
async fn a_registration_that_has_expired_is_made_anew() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    for (expire, registrations) in [(1, 1), (1, 2), (0, 3), (0, 3)] {
        grantor.ledger(|ledger| {
            ledger.clients_expire = expire;
            ledger.forget_refresh_tokens();
        });
        grantor.expire();
        connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
        assert_eq!(grantor.ledger(|ledger| ledger.registrations), registrations);
    }
}

/// A client that is kept to its scopes registers anew for more. What the user granted before belongs to the client that it was.
#[tokio::test]
async fn what_was_granted_is_refreshed_after_a_client_has_registered_anew() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| ledger.keeps_scopes = true);
    let tokens = MemoryTokens::default();
    let granting = grantor.clone();
    let by_turns = Callback::new(REDIRECT_URI, move |url| {
        // The second time, the user says no.
        let answer = granting.ledger(|ledger| ledger.registrations == 1).then(|| granting.approve(&url));
        async move { answer.ok_or_else(|| "no".into()) }
    });
    let authorization =
        Authorization::code("Report Builder").scopes(["base"]).user_agent(by_turns).store(tokens.clone());
    let client = connect(resource.url(), authorization).await.unwrap();
    let error = call(&client, "needs a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert_eq!(grantor.ledger(|ledger| ledger.registrations), 2);

    grantor.expire();
    call(&client, "anything").await.unwrap();
    assert_eq!(grantor.ledger(|ledger| (ledger.refreshes, ledger.asked.len())), (1, 1));
    // Another process does so too.
    grantor.expire();
    connect(resource.url(), absent().scopes(["base"]).store(tokens)).await.unwrap();
    assert_eq!(grantor.ledger(|ledger| (ledger.refreshes, ledger.asked.len())), (2, 1));
    // The server forgets the first client alone. The second is used when the user is asked again.
    grantor.expire();
    grantor.ledger(|ledger| ledger.clients.remove(0));
    call(&client, "anything").await.unwrap_err();
    assert_eq!(grantor.ledger(|ledger| ledger.registrations), 2);
}

/// Whoever refuses credentials has not issued them.
#[tokio::test]
async fn credentials_belong_to_the_first_server_that_takes_them() {
    let (first, second) = (Grantor::new(), Grantor::new());
    let resource = Resource::new(&first);
    second.ledger(|ledger| ledger.clients.push("reports".to_owned()));
    let tokens = MemoryTokens::default();
    let plan = || {
        let known = ClientCredentials::secret("reports", "own-secret");
        Authorization::client_credentials(known).store(tokens.clone())
    };
    let error = connect(resource.url(), plan()).await.err().unwrap();
    assert!(error.to_string().contains("invalid_client"), "{error}");
    let name = |grantor: &Grantor| {
        resource.rules(|rules| {
            rules.metadata["authorization_servers"][0] = grantor.issuer().into();
            rules.grantor = grantor.clone();
        });
    };
    name(&second);
    connect(resource.url(), plan()).await.unwrap();
    second.expire();
    name(&first);
    let error = connect(resource.url(), plan()).await.err().unwrap();
    assert!(error.to_string().contains(&second.issuer()), "{error}");
    assert_eq!(first.asked_by("client_credentials").len(), 1);
}

/// Two servers of one authorization server, of which each has a registration of its own.
#[tokio::test]
async fn servers_that_need_different_scopes_do_not_take_each_others_registration_away() {
    let grantor = Grantor::new();
    let (one, other) = (Resource::new(&grantor), Resource::new(&grantor));
    grantor.ledger(|ledger| ledger.keeps_scopes = true);
    let tokens = MemoryTokens::default();
    let plan = |scope: &str| agreeing(&grantor).scopes([scope]).store(tokens.clone());
    let clients =
        [connect(one.url(), plan("a")).await.unwrap(), connect(other.url(), plan("b")).await.unwrap()];
    for _ in 0..3 {
        grantor.expire();
        for client in &clients {
            call(client, "anything").await.unwrap();
        }
    }
    assert_eq!(asked(&grantor), ["a", "b"]);
    assert_eq!(grantor.ledger(|ledger| (ledger.registrations, ledger.refreshes)), (2, 6));
    // What registered last may ask for what the first did.
    grantor.ledger(|ledger| ledger.forget_refresh_tokens());
    grantor.expire();
    for client in &clients {
        call(client, "anything").await.unwrap();
    }
    assert_eq!(grantor.ledger(|ledger| ledger.registrations), 2);
}

#[tokio::test]
async fn clients_that_start_together_register_once() {
    let grantor = Grantor::new();
    let resources: Vec<_> = (0..5).map(|_| Resource::new(&grantor)).collect();
    let tokens = MemoryTokens::default();
    let connecting =
        resources.iter().map(|resource| connect(resource.url(), agreeing(&grantor).store(tokens.clone())));
    for connected in futures_util::future::join_all(connecting).await {
        connected.unwrap();
    }
    assert_eq!(grantor.ledger(|ledger| (ledger.registrations, ledger.asked.len())), (1, 5));
}

#[tokio::test]
async fn a_client_that_its_server_has_forgotten_registers_anew() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let client = connect(resource.url(), agreeing(&grantor).store(tokens)).await.unwrap();
    // It is told so when it refreshes,
    grantor.expire();
    grantor.ledger(|ledger| ledger.clients.clear());
    call(&client, "anything").await.unwrap();
    assert_eq!(grantor.ledger(|ledger| (ledger.registrations, ledger.asked.len())), (2, 2));
    // and when the user has authorized it, who has to do so once more.
    grantor.expire();
    grantor.ledger(|ledger| ledger.forgets_clients = true);
    let error = call(&client, "anything").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("invalid_client"), "{error}");
    grantor.ledger(|ledger| ledger.forgets_clients = false);
    call(&client, "anything").await.unwrap();
    assert_eq!(grantor.ledger(|ledger| ledger.registrations), 4);
}

#[tokio::test]
async fn a_refresh_that_is_refused_leads_to_the_user_once() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let client = connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    for status in [400, 200] {
        grantor.expire();
        grantor.ledger(|ledger| {
            ledger.forget_refresh_tokens();
            ledger.refuses_with = status;
        });
        let before = (asked(&grantor).len(), grantor.asked_by("refresh_token").len());
        for called in futures_util::future::join_all((0..10).map(|_| call(&client, "anything"))).await {
            called.unwrap();
        }
        assert_eq!(
            (asked(&grantor).len(), grantor.asked_by("refresh_token").len()),
            (before.0 + 1, before.1 + 1)
        );
    }
    // What came of it is kept.
    connect(resource.url(), absent().store(tokens)).await.unwrap();
}

#[tokio::test]
async fn a_user_who_never_answers_is_not_waited_for_beyond_their_time() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let silent = Authorization::code("Report Builder")
        .user_agent(Callback::new(REDIRECT_URI, |_| std::future::pending()))
        .patience(Duration::from_millis(1));
    let error = connect(resource.url(), silent).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("user"), "{error}");
}

/// The clock stands still from when the user is asked, and is moved on by hand.
#[tokio::test]
async fn a_user_who_takes_longer_than_connecting_may_is_waited_for() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let granting = grantor.clone();
    let slow = Callback::new(REDIRECT_URI, move |url| {
        let answer = granting.approve(&url);
        async move {
            tokio::time::pause();
            for _ in 0..4 {
                tokio::time::advance(Duration::from_secs(60)).await;
            }
            tokio::time::resume();
            Ok(answer)
        }
    });
    let connect = oxmcp::Client::connect(resource.url())
        .authorization(Authorization::code("Report Builder").user_agent(slow));
    let client = connect.await.unwrap();
    call(&client, "anything").await.unwrap();
}

#[tokio::test]
async fn a_connect_that_is_dropped_while_the_user_is_asked_leaves_nothing_behind() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let shown = Arc::new(Notify::new());
    let tell = shown.clone();
    let silent = Authorization::code("Report Builder").store(tokens.clone()).user_agent(Callback::new(
        REDIRECT_URI,
        move |_| {
            tell.notify_one();
            std::future::pending()
        },
    ));
    let url = resource.url().to_owned();
    let connecting = tokio::spawn(async move { connect(&url, silent).await.map(drop) });
    settled(shown.notified()).await;
    connecting.abort();
    assert!(connecting.await.unwrap_err().is_cancelled());
    // The tokens are not held any more, and the registration is used.
    connect(resource.url(), agreeing(&grantor).store(tokens)).await.unwrap();
    assert_eq!(grantor.ledger(|ledger| (ledger.registrations, ledger.asked.len())), (1, 1));
}

#[tokio::test]
async fn a_token_that_is_empty_is_none() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| {
        ledger.tokens_fail = Some((200, r#"{"access_token":"","token_type":"Bearer"}"#.to_owned()));
    });
    let error = connect(resource.url(), agreeing(&grantor)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("empty"), "{error}");
}

/// What is so short stands everywhere, and keeps nothing safe.
#[tokio::test]
async fn words_are_not_searched_for_a_secret_of_a_few_letters() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| {
        let refusal = r#"{"error":"invalid_client","error_description":"nobody here knows the client"}"#;
        ledger.tokens_fail = Some((401, refusal.to_owned()));
    });
    let credentials = ClientCredentials::secret("reports", "e").issuer(grantor.issuer());
    let error = connect(resource.url(), Authorization::client_credentials(credentials)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.to_string().contains("nobody here knows the client"), "{error}");
}
