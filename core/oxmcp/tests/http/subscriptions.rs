use oxmcp::Server;
use oxmcp::transport::{HttpOptions, HttpServer};
use serde_json::{Value, json};

use crate::handshake::{get, open, request};
use crate::wire::{Open, PATIENCE, Raw};

const ID: &str = "io.modelcontextprotocol/subscriptionId";

async fn serve() -> (Server, HttpServer) {
    let server = Server::new("wire", "1").subscribable().tool("one", "One.", || async { "1" }).resource(
        "a:1",
        "1",
        || async { "1" },
    );
    let listening = server.listen(HttpOptions::default()).await.unwrap();
    (server, listening)
}

fn listen(filter: &Value) -> Raw {
    Raw::modern("subscriptions/listen", json!({"notifications": filter}))
}

/// The messages read so far, without the comments between them.
fn messages(open: &Open) -> Vec<Value> {
    open.response.events()
}

#[tokio::test]
async fn a_subscription_is_a_stream_that_ends_with_a_result_when_the_server_closes() {
    let (server, listening) = serve().await;
    let filter = json!({"toolsListChanged": true, "resourceSubscriptions": ["a:1"]});
    let mut stream = listen(&filter).open(listening.local_addr()).await;
    stream.read_until("acknowledged").await;
    assert_eq!((stream.response.status, stream.response.header("x-accel-buffering")), (200, Some("no")));
    server.disable_tool("one");
    stream.read_until("tools/list_changed").await;
    server.resource_updated("a:1");
    stream.read_until("resources/updated").await;
    listening.close().await;
    stream.read_to_end().await;
    let method = |name: &str| json!(format!("notifications/{name}"));
    let messages = messages(&stream);
    let methods: Vec<_> = messages[..3].iter().map(|message| message["method"].clone()).collect();
    assert_eq!(
        methods,
        [method("subscriptions/acknowledged"), method("tools/list_changed"), method("resources/updated")]
    );
    assert_eq!(messages[0]["params"]["notifications"], filter);
    assert!(messages[..3].iter().all(|message| message["params"]["_meta"] == json!({ID: 7})));
    assert_eq!(
        (messages.len(), &messages[3]["id"], &messages[3]["result"]["_meta"][ID]),
        (4, &json!(7), &json!(7))
    );
}

#[tokio::test]
async fn a_client_of_the_old_transport_that_leaves_ends_nobody_elses_subscription() {
    let server = Server::new("wire", "1").tool("one", "One.", || async { "1" });
    let options = HttpOptions { legacy_sse: true, ..HttpOptions::default() };
    let listening = server.listen(options).await.unwrap();
    let address = listening.local_addr();
    let mut old = Raw::new("GET").path("/sse").header("Accept", "text/event-stream").open(address).await;
    old.read_until("\n\n").await;
    let endpoint = old.response.fields("data")[0].to_owned();
    drop(old);
    let gone = async {
        while Raw::post("{}".to_owned()).path(&endpoint).send(address).await.status != 404 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("its place is given up");
    let mut stream = listen(&json!({"toolsListChanged": true})).open(address).await;
    stream.read_until("acknowledged").await;
    server.disable_tool("one");
    stream.read_until("tools/list_changed").await;
}

#[tokio::test]
async fn a_client_without_events_cannot_listen() {
    let (_server, listening) = serve().await;
    let refused = listen(&json!({})).header("Accept", "application/json").send(listening.local_addr()).await;
    assert_eq!(refused.json()["error"]["code"], -32600);
}

#[tokio::test]
async fn a_session_is_told_on_its_stream_and_of_what_happened_while_it_had_none() {
    let (server, listening) = serve().await;
    let address = listening.local_addr();
    let session = open(address, "2025-11-25").await;
    let subscribed = request(&session, 2, "resources/subscribe", json!({"uri": "a:1"})).send(address).await;
    assert_eq!(subscribed.json()["result"], json!({}));
    for _ in 0..3 {
        server.resource_updated("a:1");
    }
    let mut stream = get(&session).open(address).await;
    stream.read_until("resources/updated").await;
    server.disable_tool("one");
    stream.read_until("tools/list_changed").await;
    assert_eq!(messages(&stream).len(), 2);
    // Whoever resumes the stream is told, too.
    let last = stream.response.event_ids().last().unwrap().to_string();
    drop(stream);
    let mut resumed = get(&session).header("Last-Event-ID", &last).open(address).await;
    server.enable_tool("one");
    resumed.read_until("tools/list_changed").await;
}

#[tokio::test]
async fn each_change_goes_to_one_stream_of_a_session() {
    let (server, listening) = serve().await;
    let address = listening.local_addr();
    let session = open(address, "2025-06-18").await;
    let mut streams = [get(&session).open(address).await, get(&session).open(address).await];
    server.disable_tool("one");
    let [first, second] = &mut streams;
    tokio::select! {
        () = first.read_until("tools/list_changed") => {}
        () = second.read_until("tools/list_changed") => {}
    }
    request(&session, 2, "resources/subscribe", json!({"uri": "a:1"})).send(address).await;
    listening.close().await;
    let mut told = 0;
    for stream in &mut streams {
        stream.read_to_end().await;
        told += messages(stream).len();
    }
    assert_eq!(told, 1);
}
