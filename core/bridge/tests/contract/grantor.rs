//! An authorization server that grants everything to everybody, and knows what it has granted.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};

use jsonwebtoken::jwk::ThumbprintHash;
use serde_json::{Value, json};

use crate::listener::{Listener, Seen, fields};

/// The server, and its books.
pub(crate) struct Grantor {
    listener: Listener,
    books: Arc<Books>,
}

#[derive(Default)]
pub(crate) struct Books {
    /// What is said with each token.
    tokens: Mutex<HashMap<String, Value>>,
    /// Whether the token endpoint holds its answers back.
    held: Mutex<bool>,
    released: Condvar,
}

impl Grantor {
    pub(crate) fn new() -> Self {
        let books = Arc::new(Books::default());
        let own = books.clone();
        let issuer = Arc::new(Mutex::new(String::new()));
        let listener = Listener::new({
            let issuer = issuer.clone();
            move |seen| own.answer(&issuer.lock().unwrap(), seen)
        });
        *issuer.lock().unwrap() = listener.url();
        Self { listener, books }
    }

    pub(crate) fn issuer(&self) -> String {
        self.listener.url()
    }

    pub(crate) fn books(&self) -> Arc<Books> {
        self.books.clone()
    }

    /// Where a user is sent back to who agrees.
    pub(crate) fn approve(&self, url: &Value) -> String {
        let (server, query) = url.as_str().unwrap().split_once('?').unwrap();
        assert_eq!(server, format!("{}/authorize", self.issuer()));
        let asked: HashMap<_, _> = fields(query).collect();
        let scope = asked.get("scope").cloned().unwrap_or_default().replace(' ', "-");
        format!("{}?state={}&code=code-for-{scope}", asked["redirect_uri"], asked["state"])
    }

    /// The requests for tokens by that grant.
    pub(crate) fn asked_by(&self, grant: &str) -> Vec<Seen> {
        let seen = self.listener.seen().into_iter();
        seen.filter(|seen| seen.path == "/token" && seen.field("grant_type") == grant).collect()
    }
}

impl Books {
    /// What is said with a token, if it is good.
    pub(crate) fn claims(&self, token: &str) -> Option<Value> {
        self.tokens.lock().unwrap().get(token).cloned()
    }

    /// One of the tokens.
    pub(crate) fn any_token(&self) -> String {
        self.tokens.lock().unwrap().keys().next().unwrap().clone()
    }

    /// Makes every token useless.
    pub(crate) fn expire(&self) {
        self.tokens.lock().unwrap().clear();
    }

    /// Holds the answers of the token endpoint back, or no longer.
    pub(crate) fn hold(&self, hold: bool) {
        *self.held.lock().unwrap() = hold;
        self.released.notify_all();
    }

    fn answer(&self, issuer: &str, seen: &Seen) -> (u16, Value) {
        match seen.path.as_str() {
            "/.well-known/oauth-authorization-server" => (200, metadata(issuer)),
            "/register" => {
                let mut client: Value = serde_json::from_str(&seen.body).unwrap();
                client["client_id"] = "registered".into();
                (201, client)
            }
            "/token" => self.token(seen),
            _ => (404, json!("nothing is here")),
        }
    }

    fn token(&self, seen: &Seen) -> (u16, Value) {
        drop(self.released.wait_while(self.held.lock().unwrap(), |held| *held).unwrap());
        let jag = "urn:ietf:params:oauth:token-type:id-jag";
        if seen.field("requested_token_type") == jag {
            let grant = json!({"access_token": "jag-s3cret", "issued_token_type": jag, "token_type": "N_A"});
            return (200, grant);
        }
        let code = seen.field("code");
        let scope = match code.strip_prefix("code-for-") {
            Some(scope) => scope.replace('-', " "),
            None => seen.field("scope"),
        };
        let mut tokens = self.tokens.lock().unwrap();
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (access, refresh) = (format!("access-s3cret-{number}"), format!("refresh-s3cret-{number}"));
        let mut claims = json!({"sub": "ann", "scope": scope});
        let mut kind = "Bearer";
        if !seen.dpop.is_empty() {
            let key = jsonwebtoken::decode_header(&seen.dpop).unwrap().jwk.unwrap();
            claims["cnf"] = json!({"jkt": key.thumbprint(ThumbprintHash::SHA256).unwrap()});
            kind = "DPoP";
        }
        tokens.insert(access.clone(), claims);
        (200, json!({"access_token": access, "token_type": kind, "refresh_token": refresh, "scope": scope}))
    }
}

static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
    })
}
