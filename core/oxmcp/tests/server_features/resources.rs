use std::time::Duration;

use oxmcp::model::{Annotations, CacheScope, Resource, ResourceContents, Role};
use oxmcp::server::{
    CachePolicy, HandlerError, Json, List, ResourceHandler, ResourceOutput, ResourceRead, Texts, resource,
    resource_template,
};
use oxmcp::{Context, ErrorKind, Method, ProtocolVersion, RawJson, Server};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ERAS, call, connect, refused};

#[derive(Deserialize)]
struct User {
    id: u64,
}

fn server() -> Server {
    Server::new("test", "1")
        .resource("demo://text", "text", "Some text.")
        .resource("demo://blob", "blob", vec![0u8, 1, 2])
        .resource("demo://read", "read", || async { "read" })
        .resource("demo://era", "era", |ctx: Context| async move { ctx.protocol_version().to_string() })
        .resource("demo://json", "json", || async { Json([1, 2]) })
        .resource("demo://gone", "gone", || async { None::<String> })
        .resource("demo://fails", "fails", || async { Err::<String, _>(HandlerError::failed("no luck")) })
        .resource("demo://panics", "panics", || async { if true { panic!("secret words") } else { "" } })
        .resource("demo://many", "many", || async {
            vec![
                ResourceContents::text("demo://a", "text/csv", "a"),
                ResourceContents::blob("demo://b", "b/b", "AAE="),
            ]
        })
        .resource_template("user://{id}", "user", |User { id }: User| async move { format!("user {id}") })
        .resource_template("all://{+path}{?q}", "all", |texts: Texts, ctx: Context| async move {
            format!("{texts:?} {}", ctx.request_id())
        })
}

async fn read(client: &oxmcp::Client, uri: &str) -> Value {
    call(client, Method::ReadResource, json!({"uri": uri})).await.unwrap()["contents"].clone()
}

#[tokio::test]
async fn resources_of_every_form_are_read() {
    for version in ERAS {
        let client = connect(&server(), version).await;
        for (uri, mime_type, member, value) in [
            ("demo://text", "text/plain", "text", "Some text."),
            ("demo://blob", "application/octet-stream", "blob", "AAEC"),
            ("demo://read", "text/plain", "text", "read"),
            ("demo://era", "text/plain", "text", version.as_str()),
            ("demo://json", "text/plain", "text", "[1,2]"),
            ("user://7", "text/plain", "text", "user 7"),
        ] {
            let mut expected = json!([{"uri": uri, "mimeType": mime_type}]);
            expected[0][member] = value.into();
            assert_eq!(read(&client, uri).await, expected);
        }
        let texts = read(&client, "all://a/b%20c?q=d").await;
        let text = texts[0]["text"].as_str().unwrap();
        assert!(text.starts_with(r#"{"path": "a/b c", "q": "d"} "#), "{text}");
        assert_eq!(
            read(&client, "demo://many").await,
            json!([{"uri": "demo://a", "mimeType": "text/csv", "text": "a"}, {"uri": "demo://b", "mimeType": "b/b", "blob": "AAE="}])
        );
    }
}

#[tokio::test]
async fn what_is_not_there_has_the_error_of_its_revision() {
    for version in ProtocolVersion::ALL {
        let code = if version == ProtocolVersion::V2026_07_28 { -32602 } else { -32002 };
        let client = connect(&server(), version).await;
        for uri in ["demo://nothing", "demo://gone", "user://x", "user://7%2F8", "user://7/8"] {
            let error = refused(&client, Method::ReadResource, json!({"uri": uri})).await;
            assert_eq!(error, (code, Some(json!({"uri": uri}))), "{version}");
        }
    }
}

#[tokio::test]
async fn a_handler_that_fails_fails_the_request() {
    for version in ERAS {
        let client = connect(&server(), version).await;
        let failed = call(&client, Method::ReadResource, json!({"uri": "demo://fails"})).await.unwrap_err();
        assert_eq!((failed.rpc().unwrap().code, failed.rpc().unwrap().message.as_str()), (-32603, "no luck"));
        let panicked =
            call(&client, Method::ReadResource, json!({"uri": "demo://panics"})).await.unwrap_err();
        assert_eq!(panicked.rpc().unwrap().code, -32603);
        assert!(!panicked.to_string().contains("secret"));
        assert_eq!(refused(&client, Method::ReadResource, json!({})).await.0, -32602);
    }
}

#[tokio::test]
async fn lists_say_all_that_is_known_and_keep_their_order() {
    let server = Server::new("test", "1")
        .with(
            resource("demo://z", "z", "four")
                .title("Z")
                .description("The last.")
                .mime_type("text/x-z")
                .annotations(Annotations { audience: Some(vec![Role::User]), ..Annotations::default() })
                .meta("example.com/x", 1),
        )
        .resource("demo://a", "a", || async { "" })
        .with(resource_template("t://{x}", "t", |_: Texts| async { "" }).mime_type("text/t").title("T"));
    for version in ERAS {
        let client = connect(&server, version).await;
        let listed = call(&client, Method::ListResources, json!({})).await.unwrap();
        let first = json!({"uri": "demo://z", "name": "z", "title": "Z", "description": "The last.", "mimeType": "text/x-z",
            "annotations": {"audience": ["user"]}, "size": 4, "_meta": {"example.com/x": 1}});
        assert_eq!(listed["resources"], json!([first, {"uri": "demo://a", "name": "a"}]));
        let listed = call(&client, Method::ListResourceTemplates, json!({})).await.unwrap();
        assert_eq!(
            listed["resourceTemplates"],
            json!([{"uriTemplate": "t://{x}", "name": "t", "title": "T", "mimeType": "text/t"}])
        );
        assert_eq!(read(&client, "t://1").await[0]["mimeType"], "text/t");
    }
}

#[tokio::test]
async fn what_is_hidden_or_removed_is_neither_listed_nor_read() {
    let server = server().page_size(2);
    let uris = async |client: &oxmcp::Client| {
        let mut uris = Vec::new();
        let mut cursor = json!({});
        loop {
            let page = call(client, Method::ListResources, cursor).await.unwrap();
            uris.extend(
                page["resources"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|r| r["uri"].as_str().unwrap()[7..].to_owned()),
            );
            match page.get("nextCursor") {
                Some(next) => cursor = json!({"cursor": next}),
                None => return uris,
            }
        }
    };
    let client = connect(&server, ProtocolVersion::V2026_07_28).await;
    let all = ["text", "blob", "read", "era", "json", "gone", "fails", "panics", "many"];
    assert_eq!(uris(&client).await, all);
    assert!(server.disable_resource("demo://blob") && !server.disable_resource("demo://blob"));
    assert!(server.remove_resource("demo://era") && !server.remove_resource("demo://era"));
    assert!(!server.enable_resource("demo://era"));
    assert_eq!(uris(&client).await, ["text", "read", "json", "gone", "fails", "panics", "many"]);
    assert_eq!(refused(&client, Method::ReadResource, json!({"uri": "demo://blob"})).await.0, -32602);
    assert!(server.enable_resource("demo://blob"));
    assert_eq!(uris(&client).await[..3], ["text", "blob", "read"]);
    assert!(server.disable_resource_template("user://{id}"));
    assert_eq!(refused(&client, Method::ReadResource, json!({"uri": "user://7"})).await.0, -32602);
    assert!(server.enable_resource_template("user://{id}"));
    read(&client, "user://7").await;
    assert!(server.remove_resource_template("user://{id}"));
    assert_eq!(refused(&client, Method::ReadResource, json!({"uri": "user://7"})).await.0, -32602);
}

struct ByHand;

impl ResourceHandler for ByHand {
    fn read(
        &self,
        read: ResourceRead,
    ) -> futures_util::future::BoxFuture<'static, Result<ResourceOutput, HandlerError>> {
        let json = match read.uri.as_str() {
            "demo://whole" => json!({"contents": [], "ttlMs": 5, "cacheScope": "public", "_meta": {"x": 1}}),
            _ => json!({"content": []}),
        };
        Box::pin(async move { Ok(ResourceOutput::Json(RawJson::of(&json)?)) })
    }
}

#[tokio::test]
async fn a_result_by_hand_stays_as_it_is() {
    let server = Server::new("test", "1");
    server.add_resource(Resource::new("demo://whole", "whole"), ByHand).unwrap();
    server.add_resource(Resource::new("demo://broken", "broken"), ByHand).unwrap();
    let client = connect(&server, ProtocolVersion::V2026_07_28).await;
    let whole = call(&client, Method::ReadResource, json!({"uri": "demo://whole"})).await.unwrap();
    assert_eq!(
        whole,
        json!({"contents": [], "ttlMs": 5, "cacheScope": "public", "_meta": {"x": 1}, "resultType": "complete"})
    );
    assert_eq!(refused(&client, Method::ReadResource, json!({"uri": "demo://broken"})).await.0, -32603);
}

#[tokio::test]
async fn cache_hints_are_what_the_program_says_and_nothing_by_itself() {
    let minute = Duration::from_secs(60);
    let server = Server::new("test", "1")
        .cache_list(List::Resources, CachePolicy::public(minute))
        .with(
            resource("demo://kept", "kept", "x")
                .cache(CachePolicy { ttl: minute, scope: CacheScope::Private }),
        )
        .resource("demo://not", "not", "x");
    let hints = async |version, method, params| {
        let result = call(&connect(&server, version).await, method, params).await.unwrap();
        (result.get("ttlMs").cloned(), result.get("cacheScope").cloned())
    };
    let (list, read) = (Method::ListResources, Method::ReadResource);
    let modern = ProtocolVersion::V2026_07_28;
    let some = |ttl: u64, scope: &str| (Some(json!(ttl)), Some(json!(scope)));
    assert_eq!(hints(modern, list, json!({})).await, some(60_000, "public"));
    assert_eq!(hints(modern, Method::ListResourceTemplates, json!({})).await, some(0, "private"));
    assert_eq!(hints(modern, read, json!({"uri": "demo://kept"})).await, some(60_000, "private"));
    assert_eq!(hints(modern, read, json!({"uri": "demo://not"})).await, some(0, "private"));
    assert_eq!(hints(ProtocolVersion::V2025_11_25, list, json!({})).await, (None, None));
    assert_eq!(hints(ProtocolVersion::V2025_11_25, read, json!({"uri": "demo://kept"})).await, (None, None));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_when_it_is_added() {
    let server = Server::new("test", "1");
    for (uri, name) in [("no uri", "x"), ("demo://x", "")] {
        let error = server.add(resource(uri, name, "x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    }
    let error = server.add(resource_template("t://{x*}", "t", |_: Texts| async { "" })).unwrap_err();
    assert!(error.to_string().contains("t://{x*}"), "{error}");
}

#[tokio::test]
async fn a_server_declares_what_was_added_to_it() {
    for version in ERAS {
        let declared = async |server: &Server| {
            let client = connect(server, version).await;
            let capabilities = client.capabilities();
            ["tools", "resources"].map(|name| capabilities.declares(&[name]))
        };
        assert_eq!(declared(&Server::new("test", "1")).await, [true, false]);
        assert_eq!(declared(&Server::new("test", "1").resource("a:b", "b", "x")).await, [false, true]);
        let both = Server::new("test", "1").declare(List::ResourceTemplates).declare(List::Tools);
        assert_eq!(declared(&both).await, [true, true]);
    }
}

#[tokio::test]
async fn a_uri_that_is_too_long_is_matched_against_nothing() {
    for version in ERAS {
        let client = connect(&server(), version).await;
        let long = |bytes: usize| format!("all://{}", "a".repeat(bytes - "all://".len()));
        assert!(call(&client, Method::ReadResource, json!({"uri": long(64 * 1024)})).await.is_ok());
        let error =
            call(&client, Method::ReadResource, json!({"uri": long(64 * 1024 + 1)})).await.unwrap_err();
        assert_eq!(error.rpc().unwrap().code, -32602, "{error}");
    }
}
