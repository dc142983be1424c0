//! Many who wait for the same while it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use futures_util::poll;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Method, StatusCode};
use tokio::sync::{Notify, Semaphore};
use url::Url;

use super::grantor::Grantor;
use super::resource::Resource;
use crate::auth::{Authorization, Authorizer, Callback, Effort};
use crate::{Error, ErrorKind, Result};

const WAITING: usize = 20;

/// A client whose user can be told to say no.
struct World {
    grantor: Grantor,
    resource: Resource,
    authorizer: Authorizer,
    refuses: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    shown: Arc<Notify>,
    /// What the user needs to have one of, to answer.
    answers: Arc<Semaphore>,
}

impl World {
    fn new() -> Self {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        let (refuses, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (shown, answers) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)));
        let (granting, no, count) = (grantor.clone(), refuses.clone(), asked.clone());
        let (tell, may) = (shown.clone(), answers.clone());
        let user = Callback::new("com.example.app:/authorized", move |url| {
            count.fetch_add(1, Ordering::SeqCst);
            let answer =
                if no.load(Ordering::SeqCst) { Err("no".into()) } else { Ok(granting.approve(&url)) };
            tell.notify_one();
            let may = may.clone();
            async move {
                may.acquire().await?.forget();
                answer
            }
        });
        let authorizer =
            Authorizer::new(Authorization::code("Reports").user_agent(user), resource.url()).unwrap();
        Self { grantor, resource, authorizer, refuses, asked, shown, answers }
    }

    /// What becomes of requests that are all sent with the same tokens, and all refused before anything is done about one of them.
    async fn refuse_all(&self, status: StatusCode, challenge: &str) -> Vec<Result<bool>> {
        let url = Url::parse(self.resource.url()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
        let mut attempts: Vec<_> = (0..WAITING).map(|_| self.authorizer.attempt(Effort::Full)).collect();
        for attempt in &mut attempts {
            attempt.sign(&Method::POST, &url, &mut HeaderMap::new()).await.unwrap();
        }
        let mut answered: Vec<_> =
            attempts.iter_mut().map(|attempt| Box::pin(attempt.answered(&url, status, &headers))).collect();
        for attempt in &mut answered {
            assert!(poll!(attempt).is_pending());
        }
        join_all(answered).await
    }

    async fn connect(&self) {
        assert!(self.refuse_all(StatusCode::UNAUTHORIZED, "Bearer").await.into_iter().all(Result::unwrap));
        assert_eq!(self.asked.load(Ordering::SeqCst), 1);
    }
}

fn errors(answered: Vec<Result<bool>>) -> Vec<Error> {
    answered.into_iter().map(Result::unwrap_err).collect()
}

#[tokio::test]
async fn a_refresh_that_fails_is_tried_once_for_all_who_wait() {
    let world = World::new();
    world.connect().await;
    for round in 1..=2 {
        world.grantor.ledger(|ledger| ledger.tokens_fail = Some((503, format!("round {round}"))));
        let errors = errors(world.refuse_all(StatusCode::UNAUTHORIZED, "Bearer").await);
        assert_eq!(errors.len(), WAITING);
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
            assert!(error.to_string().contains("503"), "{error}");
        }
        // Whoever comes later tries it again.
        assert_eq!(world.grantor.asked_by("refresh_token").len(), round);
    }
    world.grantor.ledger(|ledger| ledger.tokens_fail = None);
    let answered = world.refuse_all(StatusCode::UNAUTHORIZED, "Bearer").await;
    assert!(answered.into_iter().all(Result::unwrap));
    assert_eq!((world.grantor.asked_by("refresh_token").len(), world.asked.load(Ordering::SeqCst)), (3, 1));
}

#[tokio::test]
async fn a_user_who_says_no_is_asked_once_by_all_who_wait() {
    let world = World::new();
    world.connect().await;
    world.refuses.store(true, Ordering::SeqCst);
    let more = r#"Bearer error="insufficient_scope", scope="more""#;
    for error in errors(world.refuse_all(StatusCode::FORBIDDEN, more).await) {
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    }
    assert_eq!(world.asked.load(Ordering::SeqCst), 2);
}

/// The page stays where it is, for those who still wait for it.
#[tokio::test]
async fn who_gives_up_leaves_the_page_to_the_others() {
    let world = World::new();
    world.connect().await;
    world.shown.notified().await;
    world.answers.forget_permits(Semaphore::MAX_PERMITS);
    let url = Url::parse(world.resource.url()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(WWW_AUTHENTICATE, r#"Bearer error="insufficient_scope", scope="more""#.parse().unwrap());
    let mut attempts = [world.authorizer.attempt(Effort::Full), world.authorizer.attempt(Effort::Full)];
    for attempt in &mut attempts {
        attempt.sign(&Method::POST, &url, &mut HeaderMap::new()).await.unwrap();
    }
    let [one, other] = &mut attempts;
    let mut gives_up = Box::pin(one.answered(&url, StatusCode::FORBIDDEN, &headers));
    let mut waits = Box::pin(other.answered(&url, StatusCode::FORBIDDEN, &headers));
    assert!(poll!(&mut gives_up).is_pending() && poll!(&mut waits).is_pending());
    tokio::select! {
        _ = &mut gives_up => panic!("nobody has answered"),
        () = world.shown.notified() => {}
    }
    drop(gives_up);
    world.answers.add_permits(1);
    assert!(waits.await.unwrap());
    assert_eq!(world.asked.load(Ordering::SeqCst), 2);
}

/// The failure of one is none of those who wait for something else.
#[tokio::test]
async fn a_user_who_does_not_grant_more_keeps_nobody_from_refreshing() {
    let world = World::new();
    world.connect().await;
    world.refuses.store(true, Ordering::SeqCst);
    let url = Url::parse(world.resource.url()).unwrap();
    let header = |challenge: &'static str| {
        HeaderMap::from_iter([(WWW_AUTHENTICATE, http::HeaderValue::from_static(challenge))])
    };
    let (more, expired) = (
        header(r#"Bearer error="insufficient_scope", scope="more""#),
        header(r#"Bearer error="invalid_token""#),
    );
    let mut attempts = [world.authorizer.attempt(Effort::Full), world.authorizer.attempt(Effort::Full)];
    for attempt in &mut attempts {
        attempt.sign(&Method::POST, &url, &mut HeaderMap::new()).await.unwrap();
    }
    let [one, other] = &mut attempts;
    let mut declined = Box::pin(one.answered(&url, StatusCode::FORBIDDEN, &more));
    assert!(poll!(&mut declined).is_pending());
    let refreshed = other.answered(&url, StatusCode::UNAUTHORIZED, &expired);
    let (declined, refreshed) = tokio::join!(declined, refreshed);
    assert_eq!(declined.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert!(refreshed.unwrap());
    assert_eq!(world.grantor.asked_by("refresh_token").len(), 1);
}
