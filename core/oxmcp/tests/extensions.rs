//! Extensions: what each side declares, and methods that are there when both did, in both eras.

use oxmcp::client::Call;
use oxmcp::{Client, Context, ErrorKind, ErrorObject, ProtocolVersion, RawJson, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

const WEATHER: &str = "com.example/weather";
const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

fn server() -> Server {
    Server::new("test", "1")
        .extension(WEATHER, json!({"unit": "kelvin"}))
        .extension_method(WEATHER, "weather/now", |place: Value, context: Context| async move {
            if place["place"] == "nowhere" {
                return Err(ErrorObject::invalid_params("there is no such place"));
            }
            let settings = context.client_extension(WEATHER).and_then(|settings| settings.to::<Value>().ok());
            let settings = settings.ok_or_else(|| ErrorObject::internal("the client declared nothing"))?;
            Ok(json!({"place": place["place"], "lang": settings["lang"]}))
        })
        .extension_method(WEATHER, "weather/list", |_: RawJson, _: Context| async {
            RawJson::of(&json!([1])).map_err(|error| ErrorObject::internal(error.to_string()))
        })
        .tool(
            "seen",
            "What the client declared.",
            |_: oxmcp::server::Arguments, context: Context| async move {
                context
                    .client_extension(WEATHER)
                    .map_or("nothing".to_owned(), |settings| settings.as_str().to_owned())
            },
        )
}

fn call(method: &str, params: Value) -> Call {
    Call::of_extension(WEATHER, method, RawJson::of(&params).expect("JSON"))
}

#[tokio::test]
async fn a_method_of_an_extension_is_called_when_both_sides_declared_it() {
    for version in ERAS {
        let client =
            Client::connect(server()).only(version).extension(WEATHER, json!({"lang": "it"})).await.unwrap();
        assert_eq!(client.server_extension(WEATHER), Some(&json!({"unit": "kelvin"})));
        assert!(client.has_extension(WEATHER) && !client.has_extension("com.example/other"));
        let now: Value =
            client.call(call("weather/now", json!({"place": "Roma"}))).await.unwrap().to().unwrap();
        assert_eq!((&now["place"], &now["lang"]), (&json!("Roma"), &json!("it")));
        assert_eq!(now["resultType"].as_str(), (version == ERAS[1]).then_some("complete"));

        let refused = client.call(call("weather/now", json!({"place": "nowhere"}))).await.unwrap_err();
        assert_eq!(refused.rpc().unwrap().code, -32602);
        let no_object = client.call(call("weather/list", json!({}))).await.unwrap_err();
        assert_eq!(no_object.rpc().unwrap().code, -32603);
        let unknown = client.call(call("weather/tomorrow", json!({}))).await.unwrap_err();
        assert_eq!(unknown.rpc().unwrap().code, -32601);
        let seen = client.call_tool("seen", json!({})).await.unwrap();
        assert_eq!(seen.joined_text(), r#"{"lang":"it"}"#);
    }
}

#[tokio::test]
async fn a_client_does_not_send_what_was_not_declared() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        let error = client.call(call("weather/now", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("this client"), "{error}");
        assert_eq!(client.call_tool("seen", json!({})).await.unwrap().joined_text(), "nothing");

        let plain = Server::new("plain", "1");
        let client = Client::connect(plain).only(version).extension(WEATHER, json!({})).await.unwrap();
        let error = client.call(call("weather/now", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("the server"), "{error}");
    }
}

#[tokio::test]
async fn a_server_refuses_a_client_that_did_not_declare_the_extension() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(theirs);
    let serving = tokio::spawn(async move { server().serve(reader, writer).await });
    let (reader, mut writer) = tokio::io::split(ours);
    let mut lines = BufReader::new(reader).lines();
    let stateless = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {WEATHER: null}},
    });
    let initialize = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}});
    let mut ask = async |method: &str, params: Value| -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        writer.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap()
    };

    let refused = ask("weather/now", json!({"_meta": stateless})).await;
    assert_eq!(refused["error"]["code"], -32021);
    assert_eq!(refused["error"]["data"], json!({"requiredCapabilities": {"extensions": {WEATHER: {}}}}));

    let session = ask("initialize", initialize).await;
    assert_eq!(session["result"]["capabilities"]["extensions"], json!({WEATHER: {"unit": "kelvin"}}));
    assert_eq!(ask("weather/now", json!({})).await["error"]["code"], -32601);
    drop(writer);
    drop(lines);
    serving.await.unwrap().unwrap();
}

/// A server that answers the negotiation, declares the extension, and gives the next line it reads.
async fn next_line_after_connecting(version: ProtocolVersion) -> (Client, Value) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (reader, mut writer) = tokio::io::split(theirs);
    let (line, lines) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(reader).lines();
        let capabilities = json!({"extensions": {WEATHER: {}}});
        while let Some(read) = lines.next_line().await? {
            let message: Value = serde_json::from_str(&read)?;
            let result = match message["method"].as_str() {
                Some("server/discover") => {
                    json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities,
                    "resultType": "complete", "ttlMs": 0, "cacheScope": "private"})
                }
                Some("initialize") => json!({"protocolVersion": "2025-11-25", "capabilities": capabilities,
                    "serverInfo": {"name": "s", "version": "1"}}),
                Some("notifications/initialized") => continue,
                _ => {
                    let _ = line.send(message);
                    break;
                }
            };
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
            writer.write_all(format!("{answer}\n").as_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    let (reader, writer) = tokio::io::split(ours);
    let client = Client::connect((reader, writer))
        .only(version)
        .extension(WEATHER, json!({}))
        .await
        .expect("a client");
    for (extension, method, params, kind) in [
        ("com.example/other", "weather/saw", json!({}), ErrorKind::Unsupported),
        ("weather", "weather/saw", json!({}), ErrorKind::Misuse),
        (WEATHER, "notifications/cancelled", json!({}), ErrorKind::Misuse),
        (WEATHER, "weather/saw", json!([1]), ErrorKind::Misuse),
    ] {
        let refused = client.notify_extension(extension, method, params).expect_err("a refusal");
        assert_eq!(refused.kind(), kind, "{refused}");
    }
    client.notify_extension(WEATHER, "weather/saw", json!({"sky": "blue"})).expect("it is sent");
    let line = lines.await.expect("a line");
    (client, line)
}

#[tokio::test]
async fn a_client_sends_the_notifications_of_an_extension() {
    for version in ERAS {
        let (_client, line) = next_line_after_connecting(version).await;
        assert_eq!(line, json!({"jsonrpc": "2.0", "method": "weather/saw", "params": {"sky": "blue"}}));
    }
}
