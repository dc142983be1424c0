//! An authorization server that grants everything to everybody, so that the code of the guide has one to talk to. It is for nothing else.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Form, Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use oxmcp::Server;
use oxmcp::auth::{AuthInfo, NotVerified, Protection, Secret, VerifierFn};
use oxmcp::server::tool;
use oxmcp::transport::{HttpOptions, HttpServer};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

type Fields = Map<String, Value>;

/// The server, and the tokens that it has issued.
#[derive(Clone)]
pub struct Grantor {
    issuer: String,
    tokens: Arc<Mutex<HashSet<(String, String)>>>,
}

impl Grantor {
    /// Starts one on this machine. It ends with the program.
    pub async fn start() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let grantor = Self { issuer, tokens: Arc::default() };
        let app = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/register", post(register))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(grantor.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(grantor)
    }

    /// Its name.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where it issues tokens.
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// Serves `server` to those to whom this has issued a token.
    pub async fn guard(&self, server: &Server) -> Result<HttpServer, Box<dyn Error + Send + Sync>> {
        let free = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let tokens = self.tokens.clone();
        let verifier = VerifierFn::new(move |token: Secret, _resource: String| {
            let tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
            let known = tokens.iter().find(|(known, _)| known == token.expose()).cloned();
            drop(tokens);
            async move {
                let (_, scope) =
                    known.ok_or_else(|| NotVerified::Invalid("nobody has issued it".to_owned()))?;
                let claims = json!({"sub": "ada", "scope": scope});
                Ok(AuthInfo::from_claims(claims.as_object().cloned().unwrap_or_default()))
            }
        });
        let protection = Protection::new(&format!("http://127.0.0.1:{free}/mcp"), &self.issuer, verifier)?;
        let options = HttpOptions { port: free, protection: Some(protection), ..HttpOptions::default() };
        Ok(server.listen(options).await?)
    }

    /// What a browser does whose user agrees: it goes to a URL, and where that redirects to.
    pub async fn visit(url: Url) -> Result<Url, Box<dyn Error + Send + Sync>> {
        let address = url.socket_addrs(|| None)?;
        let mut stream = TcpStream::connect(&*address).await?;
        let path = &url[url::Position::BeforePath..];
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
        Ok(Url::parse(location.ok_or("nothing is redirected")?)?)
    }
}

/// A server with a tool that everybody may call who has a token, and one that needs a scope; and who grants access to it.
pub async fn guarded() -> Result<(Grantor, HttpServer), Box<dyn Error + Send + Sync>> {
    let server = Server::new("files", "1.0.0")
        .with(tool("read", || async { "what it says" }))
        .with(tool("write", || async { "written" }).scopes(["files:write"]));
    let grantor = Grantor::start().await?;
    let files = grantor.guard(&server).await?;
    Ok((grantor, files))
}

async fn metadata(State(grantor): State<Grantor>) -> Json<Value> {
    let issuer = &grantor.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": grantor.token_endpoint(),
        "registration_endpoint": format!("{issuer}/register"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
    }))
}

async fn register(Json(mut client): Json<Fields>) -> (StatusCode, Json<Fields>) {
    client.insert("client_id".to_owned(), "a-client".into());
    (StatusCode::CREATED, Json(client))
}

async fn authorize(Query(asked): Query<Fields>) -> (StatusCode, HeaderMap) {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Ok(mut back) = Url::parse(text("redirect_uri")) {
        // The code is the scopes that were asked for, so that there is nothing to remember.
        back.query_pairs_mut()
            .append_pair("state", text("state"))
            .append_pair("code", &format!("for {}", text("scope")));
        if let Ok(location) = back.as_str().parse() {
            headers.insert(LOCATION, location);
        }
    }
    (StatusCode::FOUND, headers)
}

async fn token(State(grantor): State<Grantor>, Form(asked): Form<Fields>) -> Json<Value> {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("requested_token_type") == "urn:ietf:params:oauth:token-type:id-jag" {
        let kind = text("requested_token_type");
        return Json(json!({"access_token": "a grant", "issued_token_type": kind, "token_type": "N_A"}));
    }
    let scope = text("code").strip_prefix("for ").unwrap_or_else(|| text("scope")).to_owned();
    let mut tokens = grantor.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    let token = format!("token-{}", tokens.len());
    tokens.insert((token.clone(), scope.clone()));
    Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": scope}))
}
