//! Layers see every message once, in both directions and eras, on both sides, over every transport, and nothing goes past them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oxmcp::client::{Call, Connect};
use oxmcp::layer::{Carrier, Direction, LayerRequest, Next, Trace, from_fn};
use oxmcp::model::{
    CallToolResult, ElicitAction, ElicitFormParams, ElicitResult, Implementation, LoggingLevel, Root,
};
use oxmcp::server::{Arguments, Elicit, ToolError};
use oxmcp::transport::HttpOptions;
use oxmcp::{
    Client, Context, Era, ErrorKind, ErrorObject, Method, ProtocolVersion, RawJson, RequestId, Server,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};

/// How long something that is sure to happen may take on a machine that is very busy.
const PATIENCE: Duration = Duration::from_secs(60);

async fn settled<F: IntoFuture>(work: F) -> F::Output {
    tokio::time::timeout(PATIENCE, work.into_future()).await.expect("it does not settle")
}

/// A message that a layer saw, by its direction and method.
type Seen = (Direction, String);

/// What a layer saw.
#[derive(Clone)]
struct Record(watch::Sender<Vec<Seen>>);

impl Record {
    fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    fn layer(&self) -> impl oxmcp::layer::Layer {
        let record = self.clone();
        from_fn(move |request: LayerRequest, next: Next| {
            record.0.send_modify(|seen| seen.push((request.direction(), request.method().to_owned())));
            next.run(request)
        })
    }

    fn count(&self, direction: Direction, method: &str) -> usize {
        self.0.borrow().iter().filter(|seen| **seen == (direction, method.to_owned())).count()
    }

    /// The methods of one direction, in alphabetical order.
    fn all(&self, direction: Direction) -> Vec<String> {
        let seen = self.0.borrow();
        let mut all: Vec<String> =
            seen.iter().filter(|(way, _)| *way == direction).map(|(_, method)| method.clone()).collect();
        all.sort();
        all
    }

    async fn until(&self, direction: Direction, method: &str) {
        let mut seen = self.0.subscribe();
        let message = (direction, method.to_owned());
        settled(seen.wait_for(|seen| seen.contains(&message))).await.unwrap();
    }
}

use Direction::{Incoming, Outgoing};

/// Where a client finds its server: in memory, or over HTTP.
async fn connect(server: &Server, over_http: bool, connect: impl FnOnce(Connect) -> Connect) -> Client {
    let connecting = if over_http {
        let listening = server.listen(HttpOptions::default()).await.unwrap();
        let connecting = Client::connect(format!("http://{}/mcp", listening.local_addr()));
        // It serves as long as the runtime of the test runs.
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(listening);
        });
        connecting
    } else {
        Client::connect(server.clone())
    };
    settled(connect(connecting)).await.unwrap()
}

fn ways() -> impl Iterator<Item = (ProtocolVersion, bool)> {
    ProtocolVersion::ALL.into_iter().flat_map(|version| [(version, false), (version, true)])
}

fn talkative() -> Server {
    Server::new("demo", "1.0.0").logging().tool("ask", "Asks.", |_: Arguments, context: Context| async move {
        context.progress(1.0, None, None);
        context.info("asking");
        let era = context.protocol_version().era();
        if era == Era::Handshake && context.protocol_version() < ProtocolVersion::V2025_06_18 {
            return Ok::<_, ToolError>("nothing to ask".to_owned());
        }
        let answer = context.elicit(Elicit::confirm("Sure?")).await?;
        Ok(format!("{answer:?}"))
    })
}

async fn accept(_: ElicitFormParams) -> ElicitResult {
    let mut result = ElicitResult::of(ElicitAction::Accept);
    result.content = Some(json!({"confirm": true}).as_object().unwrap().clone());
    result
}

#[tokio::test]
async fn each_side_sees_every_message_once() {
    for (version, over_http) in ways() {
        let case = format!("{version}, over HTTP: {over_http}");
        let (ours, theirs) = (Record::new(), Record::new());
        let server = talkative().layer(theirs.layer());
        let (heard, mut hears) = mpsc::unbounded_channel();
        let client = connect(&server, over_http, |connect| {
            connect
                .only(version)
                .layer(ours.layer())
                .roots([Root::new("file:///home")])
                .on_elicitation(accept)
                .on_log(LoggingLevel::Info, move |_, _| heard.send(()).unwrap())
        })
        .await;
        settled(client.list_tools()).await.unwrap();
        settled(client.call_tool("ask", json!({}))).await.unwrap();
        settled(hears.recv()).await.unwrap();
        settled(client.ping()).await.unwrap();
        client.set_roots([]).unwrap();
        let is_session = version.era() == Era::Handshake;
        if is_session {
            theirs.until(Incoming, "notifications/roots/list_changed").await;
            theirs.until(Incoming, "notifications/initialized").await;
        }
        settled(client.close()).await.unwrap();

        assert_eq!(ours.all(Outgoing), theirs.all(Incoming), "{case}");
        let (calls, opening) = if is_session { (1, "initialize") } else { (2, "server/discover") };
        assert_eq!(ours.count(Outgoing, "tools/call"), calls, "{case}");
        assert!(ours.count(Outgoing, opening) >= 1, "{case}");
        assert_eq!(ours.count(Outgoing, "tools/list"), 1, "{case}");
        for method in ["notifications/message", "notifications/progress"] {
            assert_eq!(theirs.count(Outgoing, method), calls, "{case}, {method}");
            assert_eq!(ours.count(Incoming, method), calls, "{case}, {method}");
        }
        let asks = usize::from(version >= ProtocolVersion::V2025_06_18);
        assert_eq!(ours.count(Incoming, "elicitation/create"), asks, "{case}");
        // A question of the stateless era stands in a result.
        let asked = if is_session { asks } else { 0 };
        assert_eq!(theirs.count(Outgoing, "elicitation/create"), asked, "{case}");
    }
}

#[tokio::test]
async fn changes_are_told_by_way_of_the_layers() {
    for (version, over_http) in [
        (ProtocolVersion::V2025_11_25, false),
        (ProtocolVersion::V2025_11_25, true),
        (ProtocolVersion::LATEST, false),
        (ProtocolVersion::LATEST, true),
    ] {
        let (ours, theirs) = (Record::new(), Record::new());
        let server = Server::new("demo", "1.0.0").tool("old", "", || async { "" }).layer(theirs.layer());
        let (changed, mut changes) = mpsc::unbounded_channel();
        let client = connect(&server, over_http, |connect| {
            connect
                .only(version)
                .layer(ours.layer())
                .on_list_changed(move |list, _| changed.send(list).unwrap())
        })
        .await;
        // A session's stream is open when the server tells of something.
        server.remove_tool("old");
        settled(changes.recv()).await.unwrap();
        assert_eq!(theirs.count(Outgoing, "notifications/tools/list_changed"), 1, "{version} {over_http}");
        assert_eq!(ours.count(Incoming, "notifications/tools/list_changed"), 1, "{version} {over_http}");
        if version.era() == Era::Stateless {
            assert_eq!(theirs.count(Incoming, "subscriptions/listen"), 1);
            assert_eq!(ours.count(Outgoing, "subscriptions/listen"), 1);
            assert_eq!(ours.count(Incoming, "notifications/subscriptions/acknowledged"), 1);
        }
        settled(client.close()).await.unwrap();
    }
}

#[tokio::test]
async fn the_first_layer_is_the_outermost() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let says = |name: &'static str| {
        let said = said.clone();
        from_fn(move |request: LayerRequest, next: Next| {
            let said = said.clone();
            async move {
                let counts = request.method() == "tools/call";
                let say = |what: &str| {
                    if counts {
                        said.lock().unwrap().push(format!("{name} {what}"));
                    }
                };
                say("in");
                let outcome = next.run(request).await;
                say("out");
                outcome
            }
        })
    };
    let server = Server::new("demo", "1.0.0")
        .tool("hello", "Greet.", || async { "hello" })
        .layer(says("server first"))
        .layer(says("server second"));
    let client = settled(Client::connect(server).layer(says("first")).layer(says("second"))).await.unwrap();
    settled(client.call_tool("hello", json!({}))).await.unwrap();
    let said = said.lock().unwrap().join(", ");
    assert_eq!(
        said,
        "first in, second in, server first in, server second in, server second out, server first out, second out, first out"
    );
}

#[tokio::test]
async fn layers_change_parameters_meta_and_results_on_both_sides() {
    for (version, over_http) in ways() {
        let server = Server::new("demo", "1.0.0")
            .tool("echo", "Say it again.", |arguments: Arguments, context: Context| async move {
                format!(
                    "{} {}",
                    arguments.0,
                    context.meta().is_some_and(|meta| meta.as_str().contains("blue"))
                )
            })
            .layer(from_fn(|mut request: LayerRequest, next: Next| async move {
                if request.known_method() != Some(Method::CallTool) {
                    return next.run(request).await;
                }
                let mut params: Value = request.params().to().unwrap();
                params["arguments"]["server"] = json!(1);
                request.set_params(params)?;
                let mut result: CallToolResult = next.run(request).await?.to().unwrap();
                result.content.push(oxmcp::model::Content::text(" and the server's"));
                Ok(RawJson::of(&result).unwrap())
            }));
        let client = connect(&server, over_http, |connect| {
            connect.only(version).layer(from_fn(|mut request: LayerRequest, next: Next| async move {
                if request.known_method() != Some(Method::CallTool) {
                    return next.run(request).await;
                }
                assert!(
                    request.meta().unwrap().as_str().contains("caller"),
                    "what the caller added is there"
                );
                request.set_meta("com.example/tenant", "blue")?;
                let sent = request.clone();
                assert_eq!(sent.id(), None);
                let mut result: CallToolResult = next.run(request).await?.to().unwrap();
                assert!(matches!(sent.id(), Some(RequestId::Number(_))), "it was sent");
                result.content.push(oxmcp::model::Content::text(" and the client's"));
                Ok(RawJson::of(&result).unwrap())
            }))
        })
        .await;
        let call = client.call_tool("echo", json!({"a": 2})).meta("com.example/caller", 7);
        let text = settled(call).await.unwrap().joined_text();
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            text, r#"{"a":2,"server":1} true and the server's and the client's"#,
            "{version} {over_http}"
        );
    }
}

fn denies(denied: Direction, method: &'static str) -> impl oxmcp::layer::Layer {
    from_fn(move |request: LayerRequest, next: Next| async move {
        if request.direction() == denied && request.method() == method {
            return Err(ErrorObject::new(-32001, "denied").into());
        }
        next.run(request).await
    })
}

#[tokio::test]
async fn what_a_layer_denies_goes_no_further() {
    for (version, over_http) in ways() {
        let case = format!("{version}, over HTTP: {over_http}");
        let ran = Record::new();
        let server = talkative().layer(denies(Incoming, "tools/call")).layer(ran.layer());
        let client = connect(&server, over_http, |connect| connect.only(version)).await;
        let error = settled(client.call_tool("ask", json!({}))).await.unwrap_err();
        assert_eq!(error.rpc().unwrap().code, -32001, "{case}");
        assert_eq!(ran.count(Incoming, "tools/call"), 0, "{case}");
        settled(client.list_tools()).await.unwrap();

        let server = talkative().layer(ran.layer());
        let client = connect(&server, over_http, |connect| {
            connect.only(version).layer(denies(Outgoing, "tools/list"))
        })
        .await;
        let before = ran.count(Incoming, "tools/list");
        let error = settled(client.list_tools()).await.unwrap_err();
        assert_eq!(error.rpc().unwrap().message, "denied", "{case}");
        assert_eq!(ran.count(Incoming, "tools/list"), before, "{case}");
    }
}

#[tokio::test]
async fn a_client_denies_questions_in_both_eras() {
    for (version, over_http) in ways().filter(|(version, _)| *version >= ProtocolVersion::V2025_06_18) {
        let case = format!("{version}, over HTTP: {over_http}");
        let asked = Record::new();
        let client = connect(&talkative(), over_http, |connect| {
            connect
                .only(version)
                .layer(denies(Incoming, "elicitation/create"))
                .layer(asked.layer())
                .on_elicitation(accept)
        })
        .await;
        match settled(client.call_tool("ask", json!({}))).await {
            Ok(result) => assert!(result.is_error, "{case}"),
            Err(error) => assert!(error.to_string().contains("denied"), "{case}: {error}"),
        }
        assert_eq!(asked.count(Incoming, "elicitation/create"), 0, "{case}");
    }
}

#[tokio::test]
async fn a_connection_can_be_denied() {
    for method in ["initialize", "server/discover"] {
        let version = match method {
            "initialize" => ProtocolVersion::V2025_11_25,
            _ => ProtocolVersion::LATEST,
        };
        let server = Server::new("demo", "1.0.0").layer(denies(Incoming, method));
        let error = settled(Client::connect(server).only(version)).await.unwrap_err();
        assert_eq!(error.rpc().map(|rpc| rpc.code), Some(-32001), "{method}: {error}");
        let server = Server::new("demo", "1.0.0");
        let connecting = Client::connect(server).only(version).layer(denies(Outgoing, method));
        let error = settled(connecting).await.unwrap_err();
        assert_eq!(error.rpc().map(|rpc| rpc.code), Some(-32001), "{method}: {error}");
    }
}

#[tokio::test]
async fn a_panic_in_a_layer_is_an_error() {
    fn panics(on: &'static str, way: Direction) -> impl oxmcp::layer::Layer {
        from_fn(move |request: LayerRequest, next: Next| {
            assert!((request.direction(), request.method()) != (way, on), "a layer's secret");
            next.run(request)
        })
    }
    for over_http in [false, true] {
        let server = talkative().layer(panics("tools/call", Incoming));
        let client = connect(&server, over_http, |connect| {
            connect.layer(panics("resources/list", Outgoing)).layer(panics("tools/list", Outgoing))
        })
        .await;
        let error = settled(client.call_tool("ask", json!({}))).await.unwrap_err();
        assert_eq!(error.rpc().unwrap().code, -32603);
        assert!(!error.to_string().contains("secret"), "{error}");
        let error = settled(client.list_tools()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        settled(client.ping()).await.unwrap();
    }
}

#[tokio::test]
async fn cancelling_a_call_drops_the_layers_of_both_sides() {
    struct Tells(mpsc::UnboundedSender<&'static str>, &'static str);

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(self.1).unwrap();
        }
    }

    for (version, over_http) in ways() {
        let (tell, mut told) = mpsc::unbounded_channel();
        let tells = |who: &'static str| {
            let tell = tell.clone();
            from_fn(move |request: LayerRequest, next: Next| {
                let guard = (request.method() == "tools/call").then(|| Tells(tell.clone(), who));
                async move {
                    let outcome = next.run(request).await;
                    drop(guard);
                    outcome
                }
            })
        };
        let began = Arc::new(Notify::new());
        let begin = began.clone();
        let server = Server::new("demo", "1.0.0").layer(tells("server")).tool("wait", "Waits.", move || {
            begin.notify_one();
            std::future::pending::<&str>()
        });
        let client =
            connect(&server, over_http, |connect| connect.only(version).layer(tells("client"))).await;
        {
            let mut call = Box::pin(client.call_tool("wait", json!({})).into_future());
            tokio::select! {
                _ = &mut call => panic!("it waits for ever"),
                () = began.notified() => {}
            }
        }
        assert_eq!(settled(told.recv()).await, Some("client"), "{version} {over_http}");
        assert_eq!(settled(told.recv()).await, Some("server"), "{version} {over_http}");

        let (settle, mut settles) = mpsc::unbounded_channel();
        let params = RawJson::of(&json!({"name": "wait", "arguments": {}})).unwrap();
        let started =
            client.start(Call::new(Method::CallTool, params), move |outcome| settle.send(outcome).unwrap());
        settled(began.notified()).await;
        assert!(started.cancel());
        assert_eq!(settled(settles.recv()).await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(settled(told.recv()).await, Some("client"), "{version} {over_http}");
        assert_eq!(settled(told.recv()).await, Some("server"), "{version} {over_http}");
    }
}

#[tokio::test]
async fn what_this_side_gives_up_goes_through_its_layers() {
    let asks = ways()
        .filter(|(version, _)| version.era() == Era::Handshake && *version >= ProtocolVersion::V2025_06_18);
    for (version, over_http) in asks {
        let (ours, theirs) = (Record::new(), Record::new());
        let asked = Arc::new(Notify::new());
        let ask = asked.clone();
        let client = connect(&talkative().layer(theirs.layer()), over_http, |connect| {
            connect.only(version).layer(ours.layer()).on_elicitation(move |_: ElicitFormParams| {
                ask.notify_one();
                std::future::pending::<ElicitResult>()
            })
        })
        .await;
        {
            let mut call = Box::pin(client.call_tool("ask", json!({})).into_future());
            tokio::select! {
                _ = &mut call => panic!("nobody answers"),
                () = asked.notified() => {}
            }
        }
        let cancelled = "notifications/cancelled";
        theirs.until(Incoming, cancelled).await;
        // What the server asked for the call is given up with it.
        theirs.until(Outgoing, cancelled).await;
        ours.until(Outgoing, cancelled).await;
        if !over_http {
            // Over HTTP, the stream of the call is gone with the call.
            ours.until(Incoming, cancelled).await;
        }
        assert_eq!(ours.count(Outgoing, cancelled), 1, "{version}");
        assert_eq!(
            (theirs.count(Incoming, cancelled), theirs.count(Outgoing, cancelled)),
            (1, 1),
            "{version}"
        );
    }
}

#[tokio::test]
async fn a_layer_that_stops_a_cancellation_keeps_the_request_going() {
    for over_http in [false, true] {
        let seen = Record::new();
        let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (finish, mut finished) = mpsc::unbounded_channel();
        let server = Server::new("demo", "1.0.0")
            .layer(seen.layer())
            .layer(denies(Incoming, "notifications/cancelled"))
            .tool("wait", "Waits.", {
                let (began, go_on) = (began.clone(), go_on.clone());
                move || {
                    let (began, go_on, finish) = (began.clone(), go_on.clone(), finish.clone());
                    async move {
                        began.notify_one();
                        go_on.notified().await;
                        finish.send(()).unwrap();
                        "done"
                    }
                }
            });
        let version = ProtocolVersion::V2025_11_25;
        let client = connect(&server, over_http, |connect| connect.only(version)).await;
        {
            let mut call = Box::pin(client.call_tool("wait", json!({})).into_future());
            tokio::select! {
                _ = &mut call => panic!("it waits"),
                () = began.notified() => {}
            }
        }
        seen.until(Incoming, "notifications/cancelled").await;
        go_on.notify_one();
        settled(finished.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn notifications_are_stopped_changed_and_held_up() {
    for (version, over_http) in ways() {
        let case = format!("{version}, over HTTP: {over_http}");
        let release = Arc::new(Notify::new());
        let server = Server::new("demo", "1.0.0")
            .logging()
            .layer(from_fn(|mut request: LayerRequest, next: Next| async move {
                if request.method() == "notifications/message" {
                    let mut params: Value = request.params().to().unwrap();
                    if params["data"] == "secret" {
                        return Ok(RawJson::empty_object());
                    }
                    params["data"] = json!(format!("{}!", params["data"].as_str().unwrap()));
                    request.set_params(params)?;
                }
                next.run(request).await
            }))
            .tool("log", "Logs.", |_: Arguments, context: Context| async move {
                context.info("held");
                context.info("secret");
                context.info("plain");
                "done"
            });
        let (heard, mut hears) = mpsc::unbounded_channel();
        let releasing = release.clone();
        let client = connect(&server, over_http, |connect| {
            connect
                .only(version)
                .layer(from_fn(move |request: LayerRequest, next: Next| {
                    let release = releasing.clone();
                    async move {
                        if request.params().as_str().contains("held!") {
                            release.notified().await;
                        }
                        next.run(request).await
                    }
                }))
                .on_log(LoggingLevel::Info, move |message, _| heard.send(message.data).unwrap())
        })
        .await;
        settled(client.call_tool("log", json!({}))).await.unwrap();
        assert_eq!(settled(hears.recv()).await, Some(json!("plain!")), "{case}");
        release.notify_one();
        assert_eq!(settled(hears.recv()).await, Some(json!("held!")), "{case}");
        settled(client.ping()).await.unwrap();
        assert!(hears.try_recv().is_err(), "{case}");
    }
}

#[tokio::test]
async fn a_layer_that_waits_holds_up_its_own_request_alone() {
    for (version, over_http) in ways() {
        let go_on = Arc::new(Notify::new());
        let waits = go_on.clone();
        let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" }).layer(
            from_fn(move |request: LayerRequest, next: Next| {
                let waits = waits.clone();
                async move {
                    if ["tools/call", "initialize"].contains(&request.method()) {
                        waits.notified().await;
                    }
                    next.run(request).await
                }
            }),
        );
        if version.era() == Era::Handshake {
            go_on.notify_one();
        }
        let client = connect(&server, over_http, |connect| connect.only(version)).await;
        let call = client.call_tool("hello", json!({}));
        let (called, ()) = tokio::join!(settled(call), async {
            settled(client.ping()).await.unwrap();
            settled(client.list_tools()).await.unwrap();
            go_on.notify_one();
        });
        assert_eq!(called.unwrap().joined_text(), "hello", "{version} {over_http}");
    }
}

#[tokio::test]
async fn a_request_says_where_it_comes_from() {
    for (version, over_http) in ways() {
        let check = move |request: &LayerRequest, other: &str| {
            if request.method() != "tools/call" {
                return;
            }
            let case = format!("{version}, over HTTP: {over_http}, from {other}");
            assert_eq!(request.protocol_version(), Some(version), "{case}");
            assert_eq!(request.peer_info().unwrap().name, other, "{case}");
            assert_eq!(request.carrier(), if over_http { Carrier::Http } else { Carrier::Stream }, "{case}");
            let in_session = over_http && version.era() == Era::Handshake;
            assert_eq!(request.session_id().is_some(), in_session, "{case}");
            assert_eq!(request.name().as_deref(), Some("hello"), "{case}");
            assert!(!request.is_notification());
        };
        let layer = move |other: &'static str| {
            from_fn(move |request: LayerRequest, next: Next| {
                check(&request, other);
                next.run(request)
            })
        };
        let server =
            Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" }).layer(layer("tester"));
        let client = connect(&server, over_http, |connect| {
            connect.only(version).client_info(Implementation::new("tester", "1")).layer(layer("demo"))
        })
        .await;
        settled(client.call_tool("hello", json!({}))).await.unwrap();
    }
}

#[tokio::test]
async fn layers_change_nothing_of_how_http_refuses() {
    let statuses = async |server: Server| {
        let service = server.http_service(HttpOptions::default()).unwrap();
        let request = |method: &str, headers: &[(&str, &str)]| {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta}});
            let mut request = http::Request::post("/mcp")
                .header("host", "localhost")
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream")
                .header("mcp-protocol-version", "2026-07-28");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            request.body(body.to_string()).unwrap()
        };
        let unknown = service.call(request("no/such", &[("mcp-method", "no/such")])).await.status();
        let mismatch = service.call(request("tools/list", &[("mcp-method", "tools/call")])).await.status();
        let fine = service.call(request("tools/list", &[("mcp-method", "tools/list")])).await.status();
        [unknown.as_u16(), mismatch.as_u16(), fine.as_u16()]
    };
    let plain = Server::new("demo", "1.0.0");
    let layered = Server::new("demo", "1.0.0").layer(Trace::new());
    assert_eq!(statuses(plain).await, [404, 400, 200]);
    assert_eq!(statuses(layered).await, [404, 400, 200]);
}
