//! Clients of a server that wants authorization, and what their configuration leaves to the binding.

use std::io::{Read, Write};
use std::net::TcpStream;

use oxmcp_bridge::{Answer, Client, EventKind, Queue};
use serde_json::{Value, json};

use crate::binding::Binding;
use crate::guarded::Guarded;

/// Where the binding brings users back to.
const BACK: &str = "com.example.app:/authorized";

const PEM: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpCVkLZFUnCfZwIJ6
4m/6dbTv1HJpEkdt7jTWo7kpKSShRANCAATH9dN2P4507mI49A83GXRnSRhOayfG
66W2DZ+3AsFe6yTH5H5tmi0WRkEYeiFB+P5IHpFP3Rc1wjMjBYZBVPrZ
-----END PRIVATE KEY-----
";

/// Opens a client that is authorized so, and gives the operation.
fn open(binding: &Binding, guarded: &Guarded, authorization: &Value) -> (Client, u64) {
    let id = binding.id();
    let config = json!({"url": guarded.url, "authorization": authorization}).to_string();
    (Client::open(&config, id, &binding.queue).unwrap(), id)
}

fn own_window() -> Value {
    json!({"code": {"name": "Reports", "redirectUri": BACK}})
}

/// What the server says of who calls.
#[track_caller]
fn who(binding: &Binding, client: &Client, tool: &str) -> Value {
    let result = binding.result(binding.call(client, tool, json!({})));
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

#[test]
fn a_user_is_taken_to_the_server_and_back_by_the_binding() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let (client, open) = open(&binding, &guarded, &own_window());
    let (question, asked) = binding.question("authorize", open);
    assert_eq!(asked["redirectUri"], BACK);
    binding.give(question, &json!({"url": guarded.grantor.approve(&asked["url"])}));
    binding.result(open);
    let auth = who(&binding, &client, "who");
    assert_eq!((&auth["subject"], &auth["scopes"]), (&json!("ann"), &json!([])));
    assert_eq!(auth["claims"], json!({"sub": "ann", "scope": ""}));

    // It needs more, so the user is asked again.
    let write = binding.call(&client, "write", json!({}));
    let (question, asked) = binding.question("authorize", open);
    binding.give(question, &json!({"url": guarded.grantor.approve(&asked["url"])}));
    let result = binding.result(write);
    let auth: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(auth["scopes"], json!(["files:write"]));
    binding.run(|id, queue| client.close(id, queue));
    assert!(binding.rest().is_empty());
}

#[test]
fn a_user_who_declines_ends_the_opening() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    for answer in [
        Answer::Refused("the window was closed".to_owned()),
        Answer::Failed("there is no window".to_owned()),
        Answer::Given(r#"{"url": "no URL s3cret"}"#.into()),
        Answer::Given(r#""s3cret""#.into()),
        Answer::Given("s3cret".into()),
    ] {
        let (_client, open) = open(&binding, &guarded, &own_window());
        let (question, _) = binding.question("authorize", open);
        assert!(binding.queue.answer(question, answer.clone()));
        let error = binding.outcome(open).unwrap_err();
        assert_eq!(error["kind"], "Unauthorized", "{error}");
        let words = error["message"].as_str().unwrap();
        match answer {
            Answer::Refused(why) | Answer::Failed(why) => assert!(words.contains(&why), "{words}"),
            Answer::Given(_) => assert!(words.contains("does not fit"), "{words}"),
        }
        assert!(!words.contains("s3cret"), "{words}");
        assert!(!binding.queue.answer(question, Answer::Refused("again".to_owned())));
    }
    assert!(binding.rest().is_empty());
}

#[test]
fn a_question_is_over_when_the_client_is() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let ends: [fn(&Binding, Client, u64); 3] = [
        |binding, client, _| assert_eq!(binding.run(|id, queue| client.close(id, queue)), json!({})),
        |binding, client, open| assert!(client.cancel(open, &binding.queue)),
        |_, client, _| drop(client),
    ];
    for end in ends {
        let (client, open) = open(&binding, &guarded, &own_window());
        let (question, _) = binding.question("authorize", open);
        end(&binding, client, open);
        binding.outcome(open).unwrap_err();
        binding.is_over(question);
        assert!(!binding.queue.answer(question, Answer::Given("{}".into())));
    }
}

#[test]
fn a_question_that_nobody_has_seen_goes_with_its_client() {
    let (guarded, binding, other) = (Guarded::new(), Binding::new(), Binding::new());
    let (client, open) = open(&binding, &guarded, &own_window());
    assert!(binding.queue.wait(None), "the question comes");
    other.run(|id, queue| client.close(id, queue));
    binding.outcome(open).unwrap_err();
    assert!(binding.rest().is_empty());
}

#[test]
fn a_client_whose_queue_is_closed_gets_no_answers() {
    let (guarded, binding, other) = (Guarded::new(), Binding::new(), Binding::new());
    let (client, open) = open(&binding, &guarded, &own_window());
    let (question, _) = binding.question("authorize", open);
    let closed = other.id();
    client.closed(closed, &other.queue);
    let call = other.call(&client, "who", json!({}));
    binding.queue.close();
    assert_eq!(other.error(call), "Unauthorized");
    assert_eq!(other.result(closed), json!({}));
    assert!(!binding.queue.answer(question, Answer::Given("{}".into())));
}

#[test]
fn users_have_so_much_time() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let mut authorization = own_window();
    authorization["patienceMs"] = 1.into();
    let (_client, open) = open(&binding, &guarded, &authorization);
    assert_eq!(binding.error(open), "Timeout");
}

#[test]
fn the_binding_may_open_the_browser() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let authorization = json!({"code": {"name": "Reports", "browser": {"ask": true}}, "scopes": ["a", "b"]});
    let (client, opening) = open(&binding, &guarded, &authorization);
    let (question, asked) = binding.question("openBrowser", opening);
    let back = guarded.grantor.approve(&asked["url"]);
    binding.give(question, &json!({}));
    visit(&back);
    binding.result(opening);
    assert_eq!(who(&binding, &client, "who")["scopes"], json!(["a", "b"]));

    let (_client, opening) = open(&binding, &guarded, &authorization);
    let (question, _) = binding.question("openBrowser", opening);
    binding.queue.answer(question, Answer::Failed("there is no screen".to_owned()));
    let error = binding.outcome(opening).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("there is no screen"), "{error}");
}

/// What a browser does with a URL of this machine.
fn visit(url: &str) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.contains("200 OK"), "{page}");
}

#[test]
fn programs_show_their_secret_or_sign_with_their_key() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let issuer = guarded.grantor.issuer();
    let key = json!({"pem": PEM, "algorithm": "ES256", "keyId": "k"});
    for credentials in [
        json!({"clientId": "nightly", "clientSecret": "s3cret", "issuer": issuer}),
        json!({"clientId": "nightly", "clientSecret": "s3cret", "tokenEndpointAuthMethod": "client_secret_post"}),
        json!({"clientId": "nightly", "privateKey": key}),
    ] {
        let authorization =
            json!({"clientCredentials": credentials, "scopes": ["files:write"], "dpop": false});
        let (client, open) = open(&binding, &guarded, &authorization);
        binding.result(open);
        assert_eq!(who(&binding, &client, "write")["scopes"], json!(["files:write"]));
    }
    let asked = guarded.grantor.asked_by("client_credentials");
    assert!(asked[0].authorization.starts_with("Basic "));
    assert_eq!(asked[1].field("client_secret"), "s3cret");
    assert!(asked[2].field("client_assertion").starts_with("eyJ"));
    assert_eq!(asked.len(), 3);
}

#[test]
fn tokens_may_be_bound_to_a_key_and_scopes_imply_others() {
    let key = "0123456789abcdef0123456789abcdef";
    for more in [
        json!({"requireDpop": true, "requireDpopNonce": true, "implies": {"files": ["files:write"]}}),
        json!({"requireDpop": true, "dpopNonceKey": key, "implies": {"files": ["files:write"]}}),
    ] {
        let (guarded, binding) = (Guarded::with(&more), Binding::new());
        let me = json!({"clientId": "nightly", "clientSecret": "s3cret"});
        let (client, opening) =
            open(&binding, &guarded, &json!({"clientCredentials": me, "scopes": ["files"], "dpop": true}));
        binding.result(opening);
        let auth = who(&binding, &client, "write");
        assert_eq!(auth["scopes"], json!(["files", "files:write"]));
        assert!(auth["claims"]["cnf"]["jkt"].is_string());

        let (_client, opening) = open(&binding, &guarded, &json!({"clientCredentials": me, "dpop": false}));
        assert_eq!(binding.error(opening), "Unauthorized");
    }
}

#[test]
fn the_binding_is_asked_for_what_vouches_for_the_client() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let me = json!({"clientId": "importer", "clientSecret": "s3cret"});
    let workload = json!({"workload": {"client": me}});
    let (client, opening) = open(&binding, &guarded, &workload);
    let (question, _) = binding.question("assertion", opening);
    binding.give(question, &json!({"token": "platform-s3cret"}));
    binding.result(opening);
    assert_eq!(who(&binding, &client, "who")["subject"], "ann");
    let jwt_bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert_eq!(guarded.grantor.asked_by(jwt_bearer)[0].field("assertion"), "platform-s3cret");

    let endpoint = format!("{}/token", guarded.grantor.issuer());
    let enterprise =
        json!({"enterprise": {"client": me, "tokenEndpoint": endpoint, "identityProviderClient": me}});
    let (_client, opening) = open(&binding, &guarded, &enterprise);
    let (question, _) = binding.question("idToken", opening);
    binding.give(question, &json!({"token": "id-s3cret"}));
    binding.result(opening);
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    assert_eq!(guarded.grantor.asked_by(exchange)[0].field("subject_token"), "id-s3cret");
    assert_eq!(guarded.grantor.asked_by(jwt_bearer)[1].field("assertion"), "jag-s3cret");

    for (answer, kind) in [
        (Answer::Refused("nobody is signed in".to_owned()), "Unauthorized"),
        (Answer::Failed("nobody is signed in".to_owned()), "Internal"),
    ] {
        let (_client, opening) = open(&binding, &guarded, &enterprise);
        let (question, _) = binding.question("idToken", opening);
        assert!(binding.queue.answer(question, answer));
        let error = binding.outcome(opening).unwrap_err();
        assert_eq!(error["kind"], kind, "{error}");
        assert!(error["message"].as_str().unwrap().contains("nobody is signed in"), "{error}");
    }
}

#[test]
fn a_token_may_be_given_by_hand() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let (_client, open) =
        open(&binding, &guarded, &json!({"clientCredentials": {"clientId": "a", "clientSecret": "b"}}));
    binding.result(open);
    let bearer = |token: &str| {
        let id = binding.id();
        let config = json!({"url": guarded.url, "bearerToken": token}).to_string();
        (Client::open(&config, id, &binding.queue).unwrap(), id)
    };
    let issued = guarded.grantor.books().any_token();
    let (client, opening) = bearer(&issued);
    binding.result(opening);
    assert_eq!(who(&binding, &client, "who")["subject"], "ann");
    let write = binding.call(&client, "write", json!({}));
    assert_eq!(binding.error(write), "Unauthorized");
    let (_client, opening) = bearer("s3cret");
    let error = binding.outcome(opening).unwrap_err();
    assert_eq!(error["kind"], "Unauthorized");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_and_secrets_are_not_repeated() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let client = json!({"clientId": "a", "clientSecret": "s3cret"});
    let key = |pem: &str| json!({"clientId": "a", "privateKey": {"pem": pem, "algorithm": "ES256"}});
    let wrong = [
        json!({}),
        json!("s3cret"),
        json!(["s3cret"]),
        json!({"grant": "code"}),
        json!({"code": {}}),
        json!({"code": {"name": "a", "window": true}}),
        json!({"code": {"name": "a", "redirectUri": BACK, "browser": {}}}),
        json!({"code": {"name": "a", "metadataUrl": "http://example.com/a"}}),
        json!({"code": {"name": "a"}, "clientCredentials": client}),
        json!({"code": {"name": "a"}, "store": "s3cret"}),
        json!({"code": {"name": "a"}, "store": {}}),
        json!({"code": {"name": "a"}, "store": {"file": "/tmp/a", "ask": true}}),
        json!({"code": {"name": "a"}, "trust": ["nowhere"]}),
        json!({"code": {"name": "a"}, "scope": "a"}),
        json!({"clientCredentials": "s3cret"}),
        json!({"clientCredentials": {"clientId": "a", "clientSecret": 53}}),
        json!({"clientCredentials": {"clientId": "a", "clientSecret": {"s3cret": 1}}}),
        json!({"clientCredentials": {"clientId": "a", "privateKey": "s3cret"}}),
        json!({"clientCredentials": {"clientId": "a", "secret": "s3cret"}}),
        json!({"clientCredentials": {"clientId": "a", "clientSecret": "s3cret", "privateKey": key(PEM)["privateKey"]}}),
        json!({"clientCredentials": key("s3cret")}),
        json!({"clientCredentials": key(&PEM.replace("MIGH", "s3cret"))}),
        json!({"clientCredentials": {"clientId": "a", "tokenEndpointAuthMethod": "client_secret_post"}}),
        json!({"clientCredentials": {"clientId": "a", "clientSecret": "s3cret", "tokenEndpointAuthMethod": "none"}}),
        json!({"workload": {}}),
        json!({"enterprise": {"client": client}}),
        json!({"enterprise": {"client": client, "tokenEndpoint": "nowhere"}}),
    ];
    for authorization in wrong {
        let id = binding.id();
        let config = json!({"url": guarded.url, "authorization": authorization}).to_string();
        // Some things are looked at when the client is opened, and some when it connects.
        let (kind, words) = match Client::open(&config, id, &binding.queue) {
            Ok(_client) => {
                let error = binding.outcome(id).unwrap_err();
                (error["kind"].as_str().unwrap().to_owned(), error["message"].to_string())
            }
            Err(error) => (format!("{:?}", error.kind()), format!("{error} {error:?}")),
        };
        assert_eq!(kind, "Misuse", "{config}");
        assert!(!words.contains("s3cret") && !words.contains("53"), "{words}");
    }

    let refused = |config: Value, queue: &std::sync::Arc<Queue>| {
        let error = Client::open(&config.to_string(), binding.id(), queue).unwrap_err();
        assert_eq!(format!("{:?}", error.kind()), "Misuse");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    };
    let code = json!({"code": {"name": "a"}});
    refused(json!({"url": guarded.url, "authorization": code, "bearerToken": "s3cret"}), &binding.queue);
    refused(json!({"url": guarded.url, "bearerToken": 53}), &binding.queue);
    refused(json!({"command": "true", "authorization": code}), &binding.queue);
    refused(json!({"command": "true", "bearerToken": "s3cret"}), &binding.queue);
    refused(json!({"url": guarded.url, "authorization": own_window()}), &Queue::new(None));
    assert!(binding.rest().is_empty());
}

#[test]
fn what_is_asked_and_answered_is_not_shown() {
    let (guarded, binding) = (Guarded::new(), Binding::new());
    let (client, open) = open(&binding, &guarded, &own_window());
    let event = binding.take_kind(EventKind::Question);
    assert!(!format!("{event:?} {event:#?}").contains("state="));
    let given = Answer::Given(r#"{"url": "s3cret"}"#.into());
    assert!(!format!("{given:?} {given:#?} {client:?}").contains("s3cret"));
    binding.run(|id, queue| client.close(id, queue));
    binding.outcome(open).unwrap_err();
}
