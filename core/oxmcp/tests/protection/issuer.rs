//! An issuer of tokens: it says where its keys are, which they are, and what tokens are, and counts how often it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::ThumbprintHash;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::keys::{Key, claims};

/// An issuer that lives as long as the runtime of its test.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    page: Mutex<Page>,
    /// Told of each request.
    came: Notify,
    /// What answers wait for while they are held back.
    released: Notify,
}

/// What it says.
pub(crate) struct Page {
    /// Of itself.
    pub(crate) metadata: Value,
    pub(crate) keys: Vec<Value>,
    /// What it answers in place of its keys, or of what a token is.
    pub(crate) failure: Option<u16>,
    /// Whether its keys, and what it says of tokens, are held back.
    pub(crate) is_held: bool,
    /// What it says of every token.
    pub(crate) token: Value,
    /// The key with which it signs the tokens that it issues to who asks for some.
    pub(crate) signs_with: Option<Key>,
    /// What it was asked: paths, `Authorization`, bodies.
    pub(crate) asked: Vec<(String, String, String)>,
}

impl Issuer {
    pub(crate) async fn new(keys: &[Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let page = Page {
            metadata: json!({
                "issuer": url,
                "jwks_uri": format!("{url}/keys"),
                "introspection_endpoint": format!("{url}/introspect"),
                "token_endpoint": format!("{url}/token"),
            }),
            keys: keys.iter().map(Key::jwk).collect(),
            failure: None,
            is_held: false,
            token: json!({"active": false}),
            signs_with: None,
            asked: Vec::new(),
        };
        let state = Arc::new(State { page: Mutex::new(page), came: Notify::new(), released: Notify::new() });
        tokio::spawn(accept(listener, state.clone()));
        Self { url, state }
    }

    /// What it says, to be looked at or changed.
    pub(crate) fn page<T>(&self, look: impl FnOnce(&mut Page) -> T) -> T {
        look(&mut self.state.page.lock().unwrap())
    }

    /// How often it was asked for that.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.page(|page| page.asked.iter().filter(|(asked, ..)| asked == path).count())
    }

    /// Waits until it was asked for that so often.
    pub(crate) async fn is_asked(&self, path: &str, times: usize) {
        loop {
            let came = self.state.came.notified();
            if self.asked(path) >= times {
                return;
            }
            came.await;
        }
    }

    /// Gives out what was held back.
    pub(crate) fn release(&self) {
        self.page(|page| page.is_held = false);
        self.state.released.notify_waiters();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(state.answer(request).await) });
            // A client that goes away is none of the test's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let credential = request.headers().get("authorization");
        let credential = credential.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let proof = request.headers().get("dpop").map(|proof| proof.to_str().unwrap().to_owned());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        self.page.lock().unwrap().asked.push((path.clone(), credential, body.clone()));
        self.came.notify_waiters();
        loop {
            let released = self.released.notified();
            if path.starts_with("/.well-known") || !self.page.lock().unwrap().is_held {
                break;
            }
            released.await;
        }
        let page = self.page.lock().unwrap();
        let introspection = page.metadata["introspection_endpoint"].as_str();
        let introspects = introspection.is_some_and(|url| url.ends_with(&path));
        let (status, body) = match (path.as_str(), page.failure) {
            ("/.well-known/oauth-authorization-server", _) => (200, page.metadata.clone()),
            ("/keys" | "/introspect", Some(status)) => (status, json!("the database is away")),
            ("/keys", None) => (200, json!({"keys": page.keys})),
            ("/token", _) => (200, page.issue(&body, proof.as_deref())),
            (_, None) if introspects => (200, page.token.clone()),
            _ => (404, json!("nothing is here")),
        };
        let body = Full::new(Bytes::from(body.to_string()));
        Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
    }
}

impl Page {
    /// A token for the resource in a form, bound to the key of a proof if there is one.
    fn issue(&self, form: &str, proof: Option<&str>) -> Value {
        let resource =
            url::form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "resource").unwrap().1;
        let mut claims = claims(self.metadata["issuer"].as_str().unwrap(), &resource);
        if let Some(proof) = proof {
            let key = jsonwebtoken::decode_header(proof).unwrap().jwk.unwrap();
            claims["cnf"] = json!({"jkt": key.thumbprint(ThumbprintHash::SHA256).unwrap()});
        }
        let token = self.signs_with.as_ref().unwrap().sign(&claims);
        let token_type = if proof.is_some() { "DPoP" } else { "Bearer" };
        json!({"access_token": token, "token_type": token_type, "expires_in": 3600})
    }
}
