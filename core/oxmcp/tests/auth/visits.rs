//! What goes on while a user looks at a page.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use oxmcp::auth::{Authorization, Callback};
use oxmcp::store::{FileTokens, MemoryTokens, TokenStore};
use oxmcp::{Client, ErrorKind, Result};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::user::{REDIRECT_URI, absent, call, connect, settled};

const CALLS: usize = 40;

/// A page that a user looks at. They close it when it is dropped.
struct Page {
    url: Url,
    answer: oneshot::Sender<Url>,
}

impl Page {
    fn agree(self, grantor: &Grantor) {
        self.answer.send(grantor.approve(&self.url)).unwrap();
    }
}

/// A user who agrees to the first page, and looks at those after it until told to do something.
fn hesitating(grantor: &Grantor) -> (Authorization, mpsc::UnboundedReceiver<Page>) {
    let (open, pages) = mpsc::unbounded_channel();
    let (grantor, is_first) = (grantor.clone(), Arc::new(AtomicBool::new(true)));
    let agent = Callback::new(REDIRECT_URI, move |url| {
        let (answer, answered) = oneshot::channel();
        let page = Page { url, answer };
        if is_first.swap(false, Ordering::SeqCst) {
            page.agree(&grantor);
        } else {
            open.send(page).unwrap();
        }
        async move { answered.await.map_err(|_| "the user closed the page".into()) }
    });
    (Authorization::code("Report Builder").user_agent(agent), pages)
}

fn begin(client: &Client, tool: &'static str) -> JoinHandle<Result<()>> {
    let client = client.clone();
    tokio::spawn(async move { call(&client, tool).await })
}

/// How often users agreed, and good and used refresh tokens came.
fn counts(grantor: &Grantor) -> (usize, usize, usize) {
    grantor.ledger(|ledger| (ledger.asked.len(), ledger.refreshes, ledger.reuses))
}

#[tokio::test]
async fn an_open_page_keeps_no_call_that_needs_nothing_new_from_a_refresh() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let (authorization, mut pages) = hesitating(&grantor);
    let client = connect(resource.url(), authorization).await.unwrap();
    let more = begin(&client, "needs more");
    let page = settled(pages.recv()).await.unwrap();
    for expiries in 1..=3 {
        grantor.expire();
        for called in join_all((0..CALLS).map(|_| call(&client, "anything"))).await {
            called.unwrap();
        }
        assert_eq!(counts(&grantor), (1, expiries, 0));
    }
    // Nor before they expire.
    grantor.ledger(|ledger| ledger.lifetime = Some(0.into()));
    grantor.expire();
    call(&client, "anything").await.unwrap();
    let (_, before, _) = counts(&grantor);
    for calls in 1..=3 {
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, before + calls, 0));
    }
    drop(page);
    assert_eq!(settled(more).await.unwrap().unwrap_err().kind(), ErrorKind::Unauthorized);
    call(&client, "anything").await.unwrap();
    assert!(pages.try_recv().is_err(), "the user was asked again");
}

/// A client shows a page while another one with the same store refreshes. What the user agrees to in the end is for both.
async fn others_go_on(tokens: impl TokenStore + Clone) {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let (authorization, mut pages) = hesitating(&grantor);
    let client = connect(resource.url(), authorization.store(tokens.clone())).await.unwrap();
    let other = connect(resource.url(), absent().store(tokens.clone())).await.unwrap();
    let more = begin(&client, "needs more");
    let page = settled(pages.recv()).await.unwrap();
    for expiries in 1..=3 {
        grantor.expire();
        for called in join_all((0..CALLS).map(|_| call(&other, "anything"))).await {
            called.unwrap();
        }
        assert_eq!(counts(&grantor), (1, expiries, 0));
    }
    let also = begin(&other, "needs more");
    page.agree(&grantor);
    settled(more).await.unwrap().unwrap();
    settled(also).await.unwrap().unwrap();
    assert_eq!(counts(&grantor), (2, 3, 0));
    let next = connect(resource.url(), absent().store(tokens)).await.unwrap();
    for client in [&client, &other, &next] {
        call(client, "needs more").await.unwrap();
    }
    assert_eq!(counts(&grantor), (2, 3, 0));
    assert!(pages.try_recv().is_err(), "the user was asked again");
}

#[tokio::test]
async fn an_open_page_keeps_no_other_client_of_the_store_from_a_refresh() {
    others_go_on(MemoryTokens::default()).await;
}

/// A folder of a test's own, which goes with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn an_open_page_keeps_no_other_client_of_the_file_from_a_refresh() {
    let folder = Folder(std::env::temp_dir().join(format!("oxmcp-visits-{}", Uuid::new_v4().simple())));
    others_go_on(FileTokens::open(folder.0.join("tokens.json")).unwrap()).await;
}

/// Whichever comes first, what the user has agreed to is kept, and the refreshed tokens do not take its place.
#[tokio::test]
async fn a_page_that_is_answered_during_a_refresh_wins() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let (authorization, mut pages) = hesitating(&grantor);
    let client = connect(resource.url(), authorization.store(tokens.clone())).await.unwrap();
    let other = connect(resource.url(), absent().store(tokens.clone())).await.unwrap();
    for (rounds, refreshing, tool) in [(1, &client, "needs a"), (2, &other, "needs b")] {
        let more = begin(&client, tool);
        let page = settled(pages.recv()).await.unwrap();
        grantor.expire();
        grantor.pause();
        let refreshed = begin(refreshing, "anything");
        let sees = |grant: &'static str, times: usize| {
            let grantor = grantor.clone();
            async move { grantor.listener.sees(|_| grantor.asked_by(grant).len() == times).await }
        };
        sees("refresh_token", rounds).await;
        page.agree(&grantor);
        sees("authorization_code", rounds + 1).await;
        grantor.resume();
        settled(more).await.unwrap().unwrap();
        settled(refreshed).await.unwrap().unwrap();
        let next = connect(resource.url(), absent().store(tokens.clone())).await.unwrap();
        for client in [&client, &other, &next] {
            call(client, tool).await.unwrap();
        }
        assert_eq!(counts(&grantor), (rounds + 1, rounds, 0));
    }
}

/// The next who comes waits until it is kept.
#[tokio::test]
async fn whoever_waits_for_a_page_has_what_comes_of_it_though_the_call_is_given_up() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let (authorization, mut pages) = hesitating(&grantor);
    let client = connect(resource.url(), authorization.store(tokens.clone())).await.unwrap();
    let other = connect(resource.url(), absent().store(tokens)).await.unwrap();
    let caller = client.clone();
    let more = tokio::spawn(async move { caller.call_tool("needs more", json!({})).await });
    let page = settled(pages.recv()).await.unwrap();
    grantor.pause();
    page.agree(&grantor);
    let redeems = || grantor.asked_by("authorization_code").len();
    grantor.listener.sees(|_| redeems() == 2).await;
    more.abort();
    assert!(more.await.unwrap_err().is_cancelled());
    let also = begin(&other, "needs more");
    grantor.resume();
    settled(also).await.unwrap().unwrap();
    assert_eq!(counts(&grantor), (2, 0, 0));
}
