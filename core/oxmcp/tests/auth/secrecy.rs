//! What nobody must see is seen nowhere: not in a log at its finest, not in an error, and not in what programs print for their developers.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use oxmcp::auth::{Authorization, ClientCredentials, Enterprise, Secret, SigningKey, Workload};
use oxmcp::store::{FileTokens, MemoryTokens, TokenLock, TokenStore};
use oxmcp::{Client, Error, ProtocolVersion, Result};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::grantor::Grantor;
use crate::listener::{Answer, Seen, json as answer, text, with};
use crate::resource::Resource;
use crate::user::{agreeing, call, connect, settled};

/// Everything that could be seen.
#[derive(Clone, Default)]
struct Visible(Arc<Mutex<String>>);

impl Visible {
    fn show(&self, what: impl Debug) {
        writeln!(self.0.lock().unwrap(), "{what:?}").unwrap();
    }

    fn show_error(&self, error: &Error) {
        writeln!(self.0.lock().unwrap(), "{error} {error:?} {error:#?}").unwrap();
        let mut source = error.origin().map(|origin| origin as &dyn std::error::Error);
        while let Some(error) = source {
            writeln!(self.0.lock().unwrap(), "{error} {error:?}").unwrap();
            source = error.source();
        }
    }
}

impl Visit for Visible {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Visible {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        span.record(&mut self.clone());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

/// Answers requests for tokens with a refusal that repeats all that came.
fn repeating(seen: &Seen) -> Option<crate::listener::Answer> {
    let words = format!("{} {}", seen.header("authorization"), seen.body);
    let fields: String =
        ["refresh_token", "code", "code_verifier", "client_assertion", "assertion", "subject_token"]
            .iter()
            .map(|field| format!(" {}", seen.field(field)))
            .collect();
    let refusal = json!({"error": "invalid_grant", "error_description": format!("{}{fields} {words}", seen.header("dpop"))});
    (seen.path == "/token").then(|| answer(400, &refusal))
}

/// The headers of requests in which there is something secret.
const SECRET: [&str; 4] = ["authorization", "dpop", "x-api-key", "cookie"];

/// The ways in which servers, and proxies before them, repeat the secrets that they were sent: the status, and whether it is JSON-RPC.
const REPEATED: [(u16, bool); 7] =
    [(400, false), (500, false), (403, false), (403, true), (400, true), (500, true), (200, true)];

/// Answers calls with an error that repeats all that was sent in headers.
fn repeating_headers(status: u16, is_rpc: bool) -> impl Fn(&Seen) -> Option<Answer> {
    move |seen| {
        let words = SECRET.map(|name| seen.header(name)).join(" ");
        let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
        if body["method"] != "tools/call" {
            return None;
        }
        let error = json!({"code": -32000, "message": words, "data": {"sent": [words], words.clone(): 1}});
        let error = json!({"jsonrpc": "2.0", "id": body["id"], "error": error}).to_string();
        Some(match is_rpc {
            // Some write slashes so.
            true => with(text(status, error.replace('/', "\\/")), "content-type", "application/json"),
            false => text(status, words),
        })
    }
}

/// Shows the errors of calls that a server refuses in all of these ways.
async fn show_refusals(visible: &Visible, resource: &Resource, client: &Client) {
    for (status, is_rpc) in REPEATED {
        let rest = resource.rules(|rules| rules.first.take());
        resource.rules(|rules| {
            let (first, rest) = (repeating_headers(status, is_rpc), rest.clone());
            rules.first = Some(Arc::new(move |seen: &Seen| first(seen).or_else(|| rest.as_ref()?(seen))));
        });
        let error = call(client, "anything").await.unwrap_err();
        assert!(error.to_string().contains("(concealed)"), "{status} {is_rpc}: {error}");
        visible.show_error(&error);
        visible.show(error.rpc());
        resource.rules(|rules| rules.first = rest);
    }
}

/// A client that was given what it sends, and a server that takes it.
async fn show_static(visible: &Visible, grantor: &Grantor) {
    for way in 0..2 {
        let resource = Resource::new(grantor);
        resource.rules(|rules| {
            rules.first = Some(Arc::new(|seen: &Seen| {
                let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
                let result = json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}});
                let discovered = json!({"jsonrpc": "2.0", "id": body["id"], "result": result});
                (body["method"] == "server/discover").then(|| answer(200, &discovered))
            }));
        });
        let connect = Client::connect(resource.url()).only(ProtocolVersion::V2026_07_28);
        let connect = match way {
            0 => connect.bearer_token("static/token-unseen"),
            _ => connect.header("X-Api-Key", "api/key-unseen").header("Cookie", "id=cookie-unseen"),
        };
        let client = settled(connect).await.unwrap();
        visible.show(&client);
        show_refusals(visible, &resource, &client).await;
    }
}

/// A client whose tokens are bound to a key; gives what is secret of it.
async fn show_bound(visible: &Visible, grantor: &Grantor) -> Vec<String> {
    let resource = Resource::new(grantor);
    let tokens = OneSecret::default();
    grantor.ledger(|ledger| ledger.token_type = "DPoP");
    let authorization = agreeing(grantor).store(tokens.clone()).dpop(true);
    visible.show(&authorization);
    let client = connect(resource.url(), authorization).await.unwrap();
    grantor.expire();
    call(&client, "anything").await.unwrap();
    visible.show(&client);
    show_refusals(visible, &resource, &client).await;
    let kept = tokens.0.lock().unwrap().clone();
    let keys = kept.iter().filter_map(|kept| serde_json::from_str::<Value>(kept.expose()).ok());
    let mut secrets: Vec<String> =
        keys.filter_map(|kept| Some(kept["dpop_key"].as_str()?.to_owned())).collect();
    assert!(!secrets.is_empty(), "the key is kept");
    // The authorization server repeats proofs too.
    grantor.ledger(|ledger| ledger.first = Some(Arc::new(repeating)));
    grantor.expire();
    visible.show_error(&call(&client, "anything").await.unwrap_err());
    grantor.ledger(|ledger| {
        ledger.first = None;
        ledger.token_type = "Bearer";
    });
    let seen = resource.listener.seen().into_iter().chain(grantor.listener.seen());
    // Errors show the beginning of what is long.
    let proofs = seen.map(|seen| seen.header("dpop").chars().take(80).collect());
    secrets.extend(proofs.filter(|proof: &String| !proof.is_empty()));
    secrets
}

/// A client that signs what it says of itself; gives what is secret of it.
async fn show_signing(visible: &Visible, grantor: &Grantor) -> Vec<String> {
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n\
        OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n\
        1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n\
        -----END PRIVATE KEY-----\n";
    let resource = Resource::new(grantor);
    let key = SigningKey::from_pem(PEM, "ES256").unwrap();
    visible.show(&key);
    visible.show_error(&SigningKey::from_pem(PEM, "EdDSA").unwrap_err());
    let machine = ClientCredentials::private_key("signing", key).issuer(grantor.issuer());
    visible.show(&machine);
    grantor.ledger(|ledger| {
        ledger.clients.push("signing".to_owned());
        ledger.first = Some(Arc::new(repeating));
    });
    let error =
        connect(resource.url(), Authorization::client_credentials(machine.clone())).await.err().unwrap();
    assert!(error.to_string().contains("(concealed)"), "{error}");
    visible.show_error(&error);
    grantor.ledger(|ledger| ledger.first = None);
    let plan = Authorization::client_credentials(machine);
    visible.show(&plan);
    connect(resource.url(), plan).await.unwrap();
    let path = std::env::temp_dir().join(format!("oxmcp-secrecy-{}", uuid::Uuid::new_v4().simple()));
    let file = FileTokens::open(path.join("tokens.json")).unwrap();
    file.write("a", Some("kept-in-a-file-unseen".into())).await.unwrap();
    visible.show(&file);
    std::fs::write(path.join("tokens.json"), "kept-in-a-file-unseen").unwrap();
    visible.show_error(&file.read("a").await.unwrap_err());
    std::fs::remove_dir_all(path).unwrap();
    let lines = PEM.lines().filter(|line| !line.starts_with("---")).map(str::to_owned);
    let assertions = grantor.listener.seen().into_iter().map(|seen| seen.field("client_assertion"));
    lines.chain(assertions).chain(["kept-in-a-file-unseen".to_owned()]).collect()
}

/// Keeps all that it is given, whatever it is kept under.
#[derive(Clone, Default)]
struct OneSecret(Arc<Mutex<Vec<Secret>>>, MemoryTokens);

impl TokenStore for OneSecret {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        self.1.read(key)
    }

    fn write<'a>(&'a self, key: &'a str, value: Option<Secret>) -> BoxFuture<'a, Result<()>> {
        self.0.lock().unwrap().extend(value.clone());
        self.1.write(key, value)
    }

    fn lock<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<TokenLock>> {
        self.1.lock(key)
    }
}

#[tokio::test]
async fn no_secret_is_seen_anywhere() {
    let visible = Visible::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(visible.clone())).unwrap();
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();

    let authorization = agreeing(&grantor).store(tokens.clone());
    visible.show(&authorization);
    let client = connect(resource.url(), authorization).await.unwrap();
    grantor.expire();
    call(&client, "anything").await.unwrap();
    visible.show(&client);
    visible.show(&tokens);
    let kept =
        tokens.read(&format!("tokens for {} as user of \"Report Builder\"", resource.url())).await.unwrap();
    assert!(kept.is_some());
    visible.show(&kept);

    show_refusals(&visible, &resource, &client).await;
    show_static(&visible, &grantor).await;
    let bound = show_bound(&visible, &grantor).await;
    let signing = show_signing(&visible, &grantor).await;

    // The MCP server repeats the token of which it wants no more.
    resource.rules(|rules| {
        rules.first = Some(Arc::new(|seen: &Seen| {
            let words = format!("no: {}", seen.header("authorization"));
            let is_call = seen.body.contains("tools/call");
            is_call.then(|| with(text(403, words), "www-authenticate", "Bearer error=\"invalid_token\""))
        }));
    });
    visible.show_error(&call(&client, "anything").await.unwrap_err());
    resource.rules(|rules| rules.first = None);

    // The authorization server repeats what it refuses: a refresh, and then a code.
    grantor.ledger(|ledger| ledger.first = Some(Arc::new(repeating)));
    grantor.expire();
    visible.show_error(&call(&client, "anything").await.unwrap_err());

    let machine = ClientCredentials::secret("reports", "machine-secret-unseen");
    let url = grantor.issuer() + "/token";
    let id_token = || async { Ok(Secret::new("id-token-unseen")) };
    let plans: [Authorization; 3] = [
        Authorization::client_credentials(machine.clone()),
        Authorization::workload(Workload::new(machine.clone(), || async {
            Ok(Secret::new("workload-unseen"))
        })),
        Authorization::enterprise(
            Enterprise::new(machine.clone(), url, id_token).identity_provider_client(machine.clone()),
        ),
    ];
    visible.show(&machine);
    let refusing = ["authorization server", "authorization server", "identity provider"];
    for (plan, refusing) in plans.into_iter().zip(refusing) {
        visible.show(&plan);
        let error = connect(resource.url(), plan).await.err().unwrap();
        assert!(error.to_string().contains(&format!("the {refusing} refused")), "{error}");
        assert!(error.to_string().contains("invalid_grant"), "{error}");
        visible.show_error(&error);
    }

    let mut secrets = grantor.ledger(|ledger| ledger.secrets.clone());
    secrets.extend(bound.into_iter().chain(signing));
    secrets.extend(
        [
            "static/token-unseen",
            "static\\/token-unseen",
            "api/key-unseen",
            "api\\/key-unseen",
            "cookie-unseen",
        ]
        .map(str::to_owned),
    );
    secrets.extend(["machine-secret-unseen", "id-token-unseen", "workload-unseen"].map(str::to_owned));
    for seen in grantor.listener.seen() {
        let sent = [
            "code_verifier",
            "code",
            "refresh_token",
            "client_assertion",
            "assertion",
            "subject_token",
            "client_secret",
        ];
        secrets.extend(sent.map(|field| seen.field(field)));
        secrets.extend(seen.header("authorization").split_once(' ').map(|(_, basic)| basic.to_owned()));
    }
    secrets.push(STANDARD.encode("reports:machine-secret-unseen"));
    secrets.retain(|secret| !secret.is_empty());
    assert!(secrets.len() > 20);
    let visible = visible.0.lock().unwrap().clone();
    assert!(visible.contains("refused a refresh token"), "the log is not heard");
    for secret in secrets {
        let at = visible.find(&secret);
        let around = at.map(|at| visible[..at].chars().rev().take(200).collect::<String>());
        let around = around.map(|words| words.chars().rev().collect::<String>());
        assert!(at.is_none(), "{secret} is seen after: {around:?}");
    }
}
