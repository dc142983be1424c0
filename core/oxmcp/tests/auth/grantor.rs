//! A scripted authorization server: it rotates refresh tokens, and revokes all of a family when one of them comes twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::Url;
use uuid::Uuid;

use super::listener::{Answer, Listener, Script, Seen, json as answer, text};

/// An authorization server, for as long as one of its clones lives.
#[derive(Clone)]
pub(crate) struct Grantor {
    pub(crate) listener: Arc<Listener>,
    state: Arc<State>,
}

struct State {
    ledger: Mutex<Ledger>,
    /// What every answer of the token endpoint waits for, before it is thought of.
    gate: Semaphore,
}

/// What the server knows, and how it answers.
pub(crate) struct Ledger {
    /// What it says of itself.
    pub(crate) metadata: Value,
    /// What answers first.
    pub(crate) first: Option<Script>,
    /// What it adds to the answers of users' browsers, if it is not its own name.
    pub(crate) iss: Option<String>,
    /// What the token endpoint answers in place of anything else.
    pub(crate) tokens_fail: Option<(u16, String)>,
    /// The only scopes that it grants, whatever it is asked for.
    pub(crate) grants_alone: Option<String>,
    /// Whether it knows no client any more that it has registered before.
    pub(crate) forgets_clients: bool,
    /// The status with which it refuses grants.
    pub(crate) refuses_with: u16,
    /// `expires_in` of the tokens that it issues.
    pub(crate) lifetime: Option<Value>,
    /// `token_type` of the tokens that it issues.
    pub(crate) token_type: &'static str,
    /// When secrets of the clients that it registers expire, in seconds since 1970.
    pub(crate) clients_expire: u64,
    /// Whether clients that it registers are kept to the scopes that they name.
    pub(crate) keeps_scopes: bool,
    /// Clients that it knows.
    pub(crate) clients: Vec<String>,
    /// What must be seen nowhere.
    pub(crate) secrets: Vec<String>,
    /// The scopes, and the resources, that were asked for of users.
    pub(crate) asked: Vec<(String, String)>,
    /// Refreshes that were asked for with a token that was still good.
    pub(crate) refreshes: usize,
    /// Refreshes that were asked for with a token that had been used.
    pub(crate) reuses: usize,
    pub(crate) registrations: usize,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, Refresh>,
    access: HashMap<String, Access>,
    issued: usize,
}

struct Code {
    challenge: String,
    family: usize,
    scope: String,
    resource: String,
}

struct Refresh {
    family: usize,
    client: String,
    is_used: bool,
    scope: String,
    resource: String,
}

struct Access {
    family: usize,
    scope: String,
    resource: String,
}

impl Grantor {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1")
    }

    /// One whose URLs have that host, which has to lead to this machine.
    pub(crate) fn at(host: &str) -> Self {
        let mut state = None;
        let listener = Listener::new(|port| {
            let issuer = format!("http://{host}:{port}");
            let ledger = Mutex::new(Ledger::new(&issuer));
            let shared = Arc::new(State { ledger, gate: Semaphore::new(Semaphore::MAX_PERMITS) });
            state = Some(shared.clone());
            move |seen| {
                let state = shared.clone();
                // What was asked for is done, whether or not somebody still waits for the answer.
                let done = tokio::spawn(async move { state.answer(&seen).await });
                Box::pin(async move { done.await.unwrap() })
            }
        });
        Self { listener: Arc::new(listener), state: state.unwrap() }
    }

    /// What it knows, to be looked at or changed.
    pub(crate) fn ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.state.ledger.lock().unwrap())
    }

    pub(crate) fn issuer(&self) -> String {
        self.ledger(|ledger| ledger.issuer())
    }

    /// Lets a user agree: the URL at which the browser ends up.
    pub(crate) fn approve(&self, url: &Url) -> Url {
        self.ledger(|ledger| ledger.approve(url))
    }

    /// Answers in place of a server that is its own authorization server.
    pub(crate) fn answer_for(&self, seen: &Seen) -> Option<Answer> {
        self.ledger(|ledger| match seen.path.as_str() {
            "/register" => Some(ledger.register(seen)),
            "/token" => Some(ledger.token(seen)),
            _ => None,
        })
    }

    /// Makes every access token useless from now on.
    pub(crate) fn expire(&self) {
        self.ledger(|ledger| ledger.access.clear());
    }

    /// The scopes that a request with this `Authorization` is granted, if it is granted anything at `resource`.
    pub(crate) fn scopes(&self, authorization: &str, resource: &str) -> Option<String> {
        let (_, token) = authorization.split_once(' ')?;
        self.ledger(|ledger| {
            let access = ledger.access.get(token).filter(|access| access.resource == resource)?;
            Some(access.scope.clone())
        })
    }

    /// Keeps the token endpoint from answering until [`resume`](Self::resume).
    pub(crate) fn pause(&self) {
        self.state.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn resume(&self) {
        self.state.gate.add_permits(Semaphore::MAX_PERMITS - self.state.gate.available_permits());
    }

    /// The requests for tokens by that grant.
    pub(crate) fn asked_by(&self, grant: &str) -> Vec<Seen> {
        let seen = self.listener.seen().into_iter();
        seen.filter(|seen| seen.path == "/token" && seen.field("grant_type") == grant).collect()
    }
}

impl State {
    async fn answer(&self, seen: &Seen) -> Answer {
        if seen.path == "/token" {
            let _passed = self.gate.acquire().await.unwrap();
        }
        let mut ledger = self.ledger.lock().unwrap();
        if let Some(answer) = ledger.first.as_ref().and_then(|first| first(seen)) {
            return answer;
        }
        match seen.path.as_str() {
            "/.well-known/oauth-authorization-server" => answer(200, &ledger.metadata),
            "/register" => ledger.register(seen),
            "/token" => ledger.token(seen),
            _ => text(404, "nothing is here"),
        }
    }
}

impl Ledger {
    fn new(issuer: &str) -> Self {
        Self {
            metadata: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "registration_endpoint": format!("{issuer}/register"),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
                "authorization_response_iss_parameter_supported": true,
            }),
            first: None,
            iss: None,
            tokens_fail: None,
            grants_alone: None,
            forgets_clients: false,
            refuses_with: 400,
            lifetime: None,
            token_type: "Bearer",
            clients_expire: 0,
            keeps_scopes: false,
            clients: Vec::new(),
            secrets: Vec::new(),
            asked: Vec::new(),
            refreshes: 0,
            reuses: 0,
            registrations: 0,
            codes: HashMap::new(),
            refresh: HashMap::new(),
            access: HashMap::new(),
            issued: 0,
        }
    }

    fn issuer(&self) -> String {
        self.metadata["issuer"].as_str().unwrap().to_owned()
    }

    /// Something that nobody else has, and nobody else must see.
    fn secret(&mut self, what: &str) -> String {
        self.issued += 1;
        let secret = format!("{what}-{}-{}", self.issued, Uuid::new_v4().simple());
        self.secrets.push(secret.clone());
        secret
    }

    fn approve(&mut self, url: &Url) -> Url {
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let scope = query.get("scope").cloned().unwrap_or_default();
        self.asked.push((scope.clone(), query["resource"].clone()));
        self.secrets.push(query["state"].clone());
        let code = self.secret("code");
        let granted = Code {
            challenge: query["code_challenge"].clone(),
            family: self.issued,
            scope,
            resource: query["resource"].clone(),
        };
        self.codes.insert(code.clone(), granted);
        let iss = self.iss.clone().unwrap_or_else(|| self.issuer());
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"])
            .append_pair("iss", &iss);
        back
    }

    fn register(&mut self, seen: &Seen) -> Answer {
        let wanted: Value = serde_json::from_str(&seen.body).unwrap();
        self.registrations += 1;
        let client = format!("client-{}", self.registrations);
        self.clients.push(client.clone());
        let secret = self.secret("client-secret");
        let mut registered = json!({
            "client_id": client,
            "client_secret": secret,
            "client_secret_expires_at": self.clients_expire,
            "redirect_uris": wanted["redirect_uris"],
            "token_endpoint_auth_method": "client_secret_basic",
        });
        if self.keeps_scopes {
            registered["scope"] = wanted["scope"].clone();
        }
        answer(201, &registered)
    }

    fn token(&mut self, seen: &Seen) -> Answer {
        let status = self.refuses_with;
        let refused = |error: &str| answer(status, &json!({"error": error}));
        for field in ["code_verifier", "client_assertion", "client_secret"] {
            self.secrets.extend(Some(seen.field(field)).filter(|secret| !secret.is_empty()));
        }
        if let Some((status, body)) = &self.tokens_fail {
            return text(*status, body.clone());
        }
        let client = client(seen);
        if self.forgets_clients || !self.clients.contains(&client) {
            return answer(401, &json!({"error": "invalid_client"}));
        }
        match seen.field("grant_type").as_str() {
            "authorization_code" => {
                let Some(code) = self.codes.remove(&seen.field("code")) else {
                    return refused("invalid_grant");
                };
                let verifier = digest(&SHA256, seen.field("code_verifier").as_bytes());
                if URL_SAFE_NO_PAD.encode(verifier) != code.challenge {
                    return refused("invalid_grant");
                }
                if seen.field("resource") != code.resource {
                    return refused("invalid_target");
                }
                self.issue(&client, code.family, code.scope, code.resource)
            }
            "refresh_token" => {
                let known = self.refresh.get_mut(&seen.field("refresh_token"));
                let Some(known) = known.filter(|known| known.client == client) else {
                    return refused("invalid_grant");
                };
                let (family, scope, resource) = (known.family, known.scope.clone(), known.resource.clone());
                if std::mem::replace(&mut known.is_used, true) {
                    self.reuses += 1;
                    self.refresh.retain(|_, kept| kept.family != family);
                    self.access.retain(|_, kept| kept.family != family);
                    return refused("invalid_grant");
                }
                if seen.field("resource") != resource {
                    return refused("invalid_target");
                }
                self.refreshes += 1;
                self.issue(&client, family, scope, resource)
            }
            "client_credentials" => {
                let family = self.issued;
                self.issue(&client, family, seen.field("scope"), seen.field("resource"))
            }
            "urn:ietf:params:oauth:grant-type:token-exchange" => {
                let id_jag = self.secret("id-jag");
                let kind = "urn:ietf:params:oauth:token-type:id-jag";
                answer(200, &json!({"access_token": id_jag, "token_type": "N_A", "issued_token_type": kind}))
            }
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                let family = self.issued;
                self.issue(&client, family, seen.field("scope"), seen.field("resource"))
            }
            _ => refused("unsupported_grant_type"),
        }
    }

    fn issue(&mut self, client: &str, family: usize, scope: String, resource: String) -> Answer {
        let scope = self.grants_alone.clone().unwrap_or(scope);
        let (access, refresh) = (self.secret("access"), self.secret("refresh"));
        let mut issued =
            json!({"access_token": access, "token_type": self.token_type, "refresh_token": refresh});
        if !scope.is_empty() {
            issued["scope"] = scope.clone().into();
        }
        if let Some(lifetime) = &self.lifetime {
            issued["expires_in"] = lifetime.clone();
        }
        let kept = Refresh {
            family,
            client: client.to_owned(),
            is_used: false,
            scope: scope.clone(),
            resource: resource.clone(),
        };
        self.refresh.insert(refresh, kept);
        self.access.insert(access, Access { family, scope, resource });
        answer(200, &issued)
    }

    /// Forgets every refresh token.
    pub(crate) fn forget_refresh_tokens(&mut self) {
        self.refresh.clear();
    }
}

/// Who asks for a token.
fn client(seen: &Seen) -> String {
    let Some(basic) = seen.header("authorization").strip_prefix("Basic ") else {
        return match seen.field("client_id") {
            id if id.is_empty() => assertion_subject(&seen.field("client_assertion")),
            id => id,
        };
    };
    let pair = base64::engine::general_purpose::STANDARD.decode(basic).unwrap();
    String::from_utf8(pair).unwrap().split(':').next().unwrap().to_owned()
}

fn assertion_subject(assertion: &str) -> String {
    let Some(claims) = assertion.split('.').nth(1) else { return String::new() };
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["sub"].as_str().unwrap().to_owned()
}
