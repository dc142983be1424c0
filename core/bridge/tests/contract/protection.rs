//! Servers that take some tokens and no others.

use std::sync::Arc;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oxmcp_bridge::{Answer, CallOutcome, Client, EventKind, Queue, Server};
use serde_json::{Value, json};

use crate::binding::{Binding, says};
use crate::guarded::listen;
use crate::listener::Listener;

const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHbfFztS1ASJbbCVtwznf85Ly79chC7a7y9q+K5QUKqs
-----END PRIVATE KEY-----
";

/// In the year 2100.
const FAR: u64 = 4_102_444_800;

/// A server with a tool, and its URL when it is protected so.
fn protected(binding: &Binding, protection: Value) -> (Server, String) {
    let server = Server::new(r#"{"name": "guarded", "version": "1"}"#, &binding.queue).unwrap();
    server.add_tool(r#"{"name": "who"}"#, 7).unwrap();
    let url = listen(&server, &binding.queue, protection);
    (server, url)
}

/// Opens a client with a token. It has a queue of its own.
fn open(url: &str, token: &str) -> (Client, u64, Binding) {
    let binding = Binding::new();
    let id = binding.id();
    let config = json!({"url": url, "bearerToken": token, "protocolVersion": "2026-07-28"}).to_string();
    let client = Client::open(&config, id, &binding.queue).unwrap();
    (client, id, binding)
}

/// What is known in a tool of the client with that token.
fn known(server: &Server, url: &str, token: &str, calls: &Binding) -> Result<Value, Value> {
    let (client, open, binding) = open(url, token);
    binding.outcome(open)?;
    let call = binding.call(&client, "who", json!({}));
    let event = calls.take_kind(EventKind::ToolCall);
    let context: Value = serde_json::from_slice(&server.call_context(event.id).unwrap()).unwrap();
    server.respond(event.id, CallOutcome::Text(String::new()));
    binding.result(call);
    Ok(context["auth"].clone())
}

fn sign(claims: &Value) -> String {
    let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_pem(PEM.as_bytes()).unwrap()).unwrap()
}

#[test]
fn jwts_are_taken_that_the_issuer_has_signed() {
    let mut key =
        Jwk::from_encoding_key(&EncodingKey::from_ed_pem(PEM.as_bytes()).unwrap(), Algorithm::EdDSA).unwrap();
    key.common.key_id = Some("k".to_owned());
    let keys = json!({"keys": [key]});
    let issuer = Listener::new(move |_| (200, keys.clone()));
    let binding = Binding::new();
    let jwt =
        json!({"jwksUrl": format!("{}/keys", issuer.url()), "algorithms": ["EdDSA"], "audiences": ["files"]});
    let protection = json!({"authorizationServers": [issuer.url()], "jwt": jwt, "scopes": ["mcp"]});
    let (server, url) = protected(&binding, protection);
    let claims = json!({
        "iss": issuer.url(), "aud": "files", "exp": FAR, "sub": "ann", "client_id": "c", "scope": "mcp", "team": "red",
    });
    let auth = known(&server, &url, &sign(&claims), &binding).unwrap();
    assert_eq!(
        auth,
        json!({
            "subject": "ann", "clientId": "c", "issuer": issuer.url(), "scopes": ["mcp"], "expiresAt": FAR, "claims": claims,
        })
    );
    for (name, wrong) in [
        ("aud", json!("mail")),
        ("iss", json!("https://a.example")),
        ("exp", json!(1)),
        ("scope", json!("a")),
    ] {
        let mut claims = claims.clone();
        claims[name] = wrong;
        let token = sign(&claims);
        let error = known(&server, &url, &token, &binding).unwrap_err();
        assert_eq!(error["kind"], "Unauthorized", "{name}: {error}");
        assert!(!error.to_string().contains(&token), "{error}");
    }
    let other_key = sign(&claims).replace("eyJ", "eyK");
    assert_eq!(known(&server, &url, &other_key, &binding).unwrap_err()["kind"], "Unauthorized");
}

#[test]
fn the_issuer_may_be_asked_what_a_token_is() {
    let issuer = Listener::new(|seen| {
        let is_good = seen.field("token") == "good" && seen.authorization == "Basic ZmlsZXM6czNjcmV0";
        (200, json!({"active": is_good, "aud": "files", "sub": "ann", "scope": "a b"}))
    });
    let binding = Binding::new();
    let introspection = json!({
        "client": {"clientId": "files", "clientSecret": "s3cret"}, "url": format!("{}/introspect", issuer.url()), "audiences": ["files"],
        "atOnce": 8,
    });
    let protection = json!({"authorizationServers": [issuer.url()], "introspection": introspection});
    let (server, url) = protected(&binding, protection);
    let auth = known(&server, &url, "good", &binding).unwrap();
    assert_eq!((&auth["subject"], &auth["scopes"]), (&json!("ann"), &json!(["a", "b"])));
    assert_eq!(known(&server, &url, "bad", &binding).unwrap_err()["kind"], "Unauthorized");
}

#[test]
fn the_binding_may_be_asked_and_its_answer_decides() {
    let binding = Binding::new();
    let (server, url) =
        protected(&binding, json!({"authorizationServers": ["https://a.example"], "verify": true}));
    let claims = json!({"sub": "ann", "client_id": "c", "scope": "a", "exp": FAR, "team": 7});
    for (answer, words) in [
        (Answer::Given(claims.to_string().into()), None),
        (Answer::Refused("it was stolen".to_owned()), Some("it was stolen")),
        (Answer::Failed("the database is away".to_owned()), Some("again later")),
        (Answer::Given("7".into()), Some("again later")),
    ] {
        let (client, opening, caller) = open(&url, "to-s3cret-ken");
        let event = binding.take_kind(EventKind::Question);
        let question = says(&event);
        assert_eq!((&question["ask"], &question["token"]), (&json!("verifyToken"), &json!("to-s3cret-ken")));
        assert_eq!(question["resource"], url);
        assert!(!format!("{event:?}").contains("s3cret"));
        assert!(binding.queue.answer(event.id, answer));
        let Some(words) = words else {
            caller.result(opening);
            let call = caller.call(&client, "who", json!({}));
            let event = binding.take_kind(EventKind::Question);
            binding.give(event.id, &claims);
            let event = binding.take_kind(EventKind::ToolCall);
            let context: Value = serde_json::from_slice(&server.call_context(event.id).unwrap()).unwrap();
            assert_eq!(context["auth"]["claims"], claims);
            server.respond(event.id, CallOutcome::Text(String::new()));
            caller.result(call);
            continue;
        };
        // A client asks again after what may pass.
        let until = |event: &oxmcp_bridge::Event| event.id == opening;
        let error = loop {
            if caller.queue.wait(Some(std::time::Duration::from_millis(5))) {
                break says(&caller.take(until));
            }
            for event in binding.queue.drain(16) {
                binding.queue.answer(event.id, Answer::Failed("the database is away".to_owned()));
            }
        };
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
        assert!(
            !error.to_string().contains("database"),
            "what is wrong inside is for the log alone: {error}"
        );
    }
}

#[test]
fn a_question_is_over_when_who_asks_goes_or_the_server_is_closed() {
    let binding = Binding::new();
    let (server, url) =
        protected(&binding, json!({"authorizationServers": ["https://a.example"], "verify": true}));
    let (client, opening, caller) = open(&url, "a");
    let question = binding.take_kind(EventKind::Question);
    assert!(client.cancel(opening, &caller.queue));
    binding.is_over(question.id);
    assert!(!binding.queue.answer(question.id, Answer::Given("{}".into())));

    let (_client, opening, caller) = open(&url, "a");
    let question = binding.take_kind(EventKind::Question);
    assert_eq!(binding.run(|id, queue| server.close(id, queue)), json!({}));
    binding.is_over(question.id);
    caller.outcome(opening).unwrap_err();
}

#[test]
fn a_server_whose_queue_is_closed_takes_no_tokens() {
    let binding = Binding::new();
    let (_server, url) =
        protected(&binding, json!({"authorizationServers": ["https://a.example"], "verify": true}));
    binding.queue.close();
    let (_client, opening, caller) = open(&url, "a");
    let error = caller.outcome(opening).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("cannot be checked now"), "{error}");
}

#[test]
fn a_protection_that_makes_no_sense_is_refused() {
    let binding = Binding::new();
    let server = Server::new(r#"{"name": "guarded", "version": "1"}"#, &binding.queue).unwrap();
    let resource = "http://127.0.0.1/mcp";
    let issuers = json!(["https://a.example"]);
    let client = json!({"clientId": "a", "clientSecret": "s3cret"});
    let refused = |protection: Value, queue: &Arc<Queue>| {
        let id = binding.id();
        server.listen_http(&json!({"protection": protection}).to_string(), id, queue);
        assert!(queue.wait(None));
        let event = queue.drain(1).remove(0);
        let error = says(&event);
        assert_eq!((event.kind, &error["kind"]), (EventKind::Failed, &json!("Misuse")), "{protection}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    };
    for protection in [
        json!("s3cret"),
        json!({"resource": resource, "authorizationServers": issuers}),
        json!({"resource": resource, "authorizationServers": [], "verify": true}),
        json!({"authorizationServers": issuers, "verify": true}),
        json!({"resource": "nowhere", "authorizationServers": issuers, "verify": true}),
        json!({"resource": resource, "authorizationServers": issuers, "verify": true, "jwt": {}}),
        json!({"resource": resource, "authorizationServers": issuers, "jwt": {"algorithms": ["HS256"]}}),
        json!({"resource": resource, "authorizationServers": issuers, "jwt": {"key": "s3cret"}}),
        json!({"resource": resource, "authorizationServers": issuers, "introspection": {"client": "s3cret"}}),
        json!({"resource": resource, "authorizationServers": ["nowhere"], "introspection": {"client": client}}),
        json!({"resource": resource, "authorizationServers": issuers, "verify": true, "scope": "a"}),
        json!({"resource": resource, "authorizationServers": issuers, "verify": true, "dpopNonceKey": ["s3cret"]}),
        json!({"resource": resource, "authorizationServers": issuers, "verify": true, "dpopNonceKey": "s3cret"}),
    ] {
        refused(protection, &binding.queue);
    }
    let verify = json!({"resource": resource, "authorizationServers": issuers, "verify": true});
    refused(verify, &Queue::new(None));
}
