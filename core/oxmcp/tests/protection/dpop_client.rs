//! A client and a protected server of this library, over HTTP, with tokens that are bound to the client's key; and a thief who has heard it
//! all.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oxmcp::Client;
use oxmcp::auth::{Authorization, ClientCredentials, JwtVerifier, Protection};
use tokio::net::{TcpListener, TcpStream};

use crate::issuer::Issuer;
use crate::keys::Key;
use crate::requests::{Answered, answered, assert_refused, call, post, protected};

/// A protected server, and what was said before it.
struct Guarded {
    issuer: Issuer,
    url: String,
    heard: Arc<Mutex<Vec<(HeaderMap, StatusCode)>>>,
}

impl Guarded {
    async fn new(change: impl FnOnce(Protection) -> Protection) -> Self {
        let key = Key::es256("main");
        let issuer = Issuer::new(std::slice::from_ref(&key)).await;
        issuer.page(|page| page.signs_with = Some(key));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let verifier = JwtVerifier::new(&issuer.url).unwrap();
        let service = protected(change(Protection::new(&url, &issuer.url, verifier).unwrap()));
        let heard: Arc<Mutex<Vec<_>>> = Arc::default();
        let hears = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, hears) = (service.clone(), hears.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request: Request<Incoming>| async {
                        let headers = request.headers().clone();
                        let response = service.call(request).await;
                        hears.lock().unwrap().push((headers, response.status()));
                        Ok::<_, Infallible>(response)
                    });
                    let connection = hyper::server::conn::http1::Builder::new();
                    // A client that goes away is none of the test's.
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { issuer, url, heard }
    }

    async fn connect(&self) -> Client {
        let credentials = ClientCredentials::secret("reports", "s3cret").issuer(&self.issuer.url);
        let authorization = Authorization::client_credentials(credentials).dpop(true);
        Client::connect(self.url.as_str()).authorization(authorization).await.unwrap()
    }

    /// The requests that were answered so, as far as they held a token.
    fn heard(&self, status: StatusCode) -> Vec<HeaderMap> {
        let heard = self.heard.lock().unwrap();
        let of_status =
            heard.iter().filter(|(headers, found)| *found == status && headers.contains_key("authorization"));
        of_status.map(|(headers, _)| headers.clone()).collect()
    }

    /// What a thief gets with a token that was heard, and a proof if there was one.
    async fn steal(&self, authorization: &str, proof: Option<&str>) -> Answered {
        let address = self.url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut connection, driver) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(driver);
        let body = call("who");
        let mut request = post(Some(authorization), &body);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        answered(connection.send_request(request.body(body.to_string()).unwrap()).await.unwrap()).await
    }
}

async fn calls(client: &Client) {
    for _ in 0..5 {
        assert_eq!(client.call_tool("who", ()).await.unwrap().joined_text(), "ann");
    }
}

/// Shows everything that opened the server once more.
async fn nothing_opens_twice(guarded: &Guarded) {
    let heard = guarded.heard(StatusCode::OK);
    assert!(heard.len() >= 5, "{heard:?}");
    for headers in heard {
        let text = |name: &str| headers[name].to_str().unwrap();
        let replayed = guarded.steal(text("authorization"), Some(text("dpop"))).await;
        assert_refused(&replayed, "the proof was used before");
        let bare = guarded.steal(text("authorization"), None).await;
        assert_refused(&bare, "the request has to have one DPoP header");
        let as_bearer = text("authorization").replace("DPoP ", "Bearer ");
        let as_bearer = guarded.steal(&as_bearer, Some(text("dpop"))).await;
        assert_refused(&as_bearer, "the token is bound to a key and needs a proof");
    }
}

#[tokio::test]
async fn a_client_with_its_key_is_let_in_and_who_has_heard_it_is_not() {
    let guarded = Guarded::new(|protection| protection).await;
    let client = guarded.connect().await;
    calls(&client).await;
    nothing_opens_twice(&guarded).await;
    // The client is none the worse for it.
    calls(&client).await;
    assert_eq!(guarded.issuer.asked("/token"), 1);
}

#[tokio::test]
async fn a_client_learns_the_nonce_of_a_server_that_wants_one() {
    let guarded = Guarded::new(|protection| protection.require_dpop().require_dpop_nonce().unwrap()).await;
    let client = guarded.connect().await;
    calls(&client).await;
    let refused = guarded.heard(StatusCode::UNAUTHORIZED);
    assert_eq!(refused.len(), 1, "it was told once: {refused:?}");
    // What was refused for want of a nonce is of no use to anybody.
    let text = |name: &str| refused[0][name].to_str().unwrap();
    let replayed = guarded.steal(text("authorization"), Some(text("dpop"))).await;
    assert_refused(&replayed, r#"error="use_dpop_nonce""#);
    nothing_opens_twice(&guarded).await;
    calls(&client).await;
    assert_eq!(guarded.issuer.asked("/token"), 1, "a nonce is no reason for another token");
}
