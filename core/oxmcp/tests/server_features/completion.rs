use oxmcp::model::Completion;
use oxmcp::server::{Completing, HandlerError, Texts, prompt, resource_template};
use oxmcp::{Method, ProtocolVersion, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ERAS, call, connect, refused};

#[allow(dead_code, reason = "only its fields' names are of interest")]
#[derive(Deserialize, JsonSchema)]
struct Review {
    language: String,
    framework: String,
    many: String,
    count: String,
    silent: String,
    fails: String,
    panics: String,
}

fn server() -> Server {
    let review = prompt("review", |_: Review| async { "" })
        .complete("language", ["Python", "PyPy", "Rust"])
        .complete("framework", |typed: Completing| async move {
            let language = typed.arguments.get("language").cloned().unwrap_or_default();
            vec![format!("{language}-{}-{}", typed.argument, typed.value)]
        })
        .complete("many", |_: Completing| async { (0..250).map(|n| n.to_string()).collect::<Vec<_>>() })
        .complete("count", |_: Completing| async {
            Completion { values: vec!["a".into()], total: Some(7), ..Completion::default() }
        })
        .complete("fails", |_: Completing| async { Err::<Vec<String>, _>(HandlerError::failed("no luck")) })
        .complete("panics", |_: Completing| async { if true { panic!("secret words") } else { vec![""] } });
    Server::new("test", "1")
        .with(review)
        .with(
            resource_template("user://{id}", "user", |_: Texts| async { "" })
                .complete("id", vec!["17", "18", "2"]),
        )
        .resource("demo://a", "a", "x")
}

fn prompt_ref() -> Value {
    json!({"type": "ref/prompt", "name": "review"})
}

fn params(reference: Value, name: &str, value: &str) -> Value {
    json!({"ref": reference, "argument": {"name": name, "value": value}})
}

#[tokio::test]
async fn values_are_proposed_for_arguments_and_variables() {
    for version in ERAS {
        let client = connect(&server(), version).await;
        assert!(client.capabilities().declares(&["completions"]));
        let complete =
            async |params| call(&client, Method::Complete, params).await.unwrap()["completion"].clone();
        let none = json!({"values": [], "hasMore": false});
        let few = |values: Value| json!({"total": values.as_array().unwrap().len(), "values": values, "hasMore": false});
        assert_eq!(complete(params(prompt_ref(), "language", "py")).await, few(json!(["Python", "PyPy"])));
        assert_eq!(complete(params(prompt_ref(), "language", "x")).await, few(json!([])));
        assert_eq!(complete(params(prompt_ref(), "silent", "")).await, none);
        let mut with_context = params(prompt_ref(), "framework", "f");
        with_context["context"] = json!({"arguments": {"language": "Rust"}});
        assert_eq!(complete(with_context).await, few(json!(["Rust-framework-f"])));
        let many = complete(params(prompt_ref(), "many", "")).await;
        assert_eq!((&many["total"], &many["hasMore"]), (&json!(250), &json!(true)));
        assert_eq!(many["values"].as_array().unwrap().len(), 100);
        assert_eq!(
            complete(params(prompt_ref(), "count", "")).await,
            json!({"values": ["a"], "total": 7, "hasMore": true})
        );
        let user = json!({"type": "ref/resource", "uri": "user://{id}"});
        assert_eq!(complete(params(user, "id", "1")).await, few(json!(["17", "18"])));
        assert_eq!(
            complete(params(json!({"type": "ref/resource", "uri": "demo://a"}), "id", "")).await,
            none
        );
    }
}

#[tokio::test]
async fn what_cannot_be_completed_is_an_error() {
    for version in ERAS {
        let client = connect(&server(), version).await;
        let code = async |params| refused(&client, Method::Complete, params).await.0;
        assert_eq!(code(params(json!({"type": "ref/prompt", "name": "x"}), "a", "")).await, -32602);
        assert_eq!(code(params(json!({"type": "ref/resource", "uri": "x:y"}), "a", "")).await, -32602);
        assert_eq!(code(params(json!({"type": "ref/tool", "name": "x"}), "a", "")).await, -32602);
        assert_eq!(code(json!({"ref": prompt_ref()})).await, -32602);
        assert_eq!(code(params(prompt_ref(), "fails", "")).await, -32603);
        assert_eq!(code(params(prompt_ref(), "panics", "")).await, -32603);
    }
}

#[tokio::test]
async fn a_server_that_proposes_nothing_has_no_completion() {
    let server = Server::new("test", "1").prompt("plain", "Plain.", || async { "" });
    for version in ERAS {
        let client = connect(&server, version).await;
        assert!(!client.capabilities().declares(&["completions"]));
    }
    let misnamed = prompt("review", || async { "" }).complete("language", ["C"]);
    assert!(server.add(misnamed).unwrap_err().to_string().contains("language"));
    // Completion is older than its capability.
    let client = connect(&server, ProtocolVersion::V2024_11_05).await;
    let reference = json!({"type": "ref/prompt", "name": "plain"});
    let completed = call(&client, Method::Complete, params(reference, "a", "")).await.unwrap();
    assert_eq!(completed["completion"]["values"], json!([]));
}
