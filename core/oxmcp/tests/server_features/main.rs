//! What a server offers, seen by a client over a real connection, in both eras.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod completion;
mod logging;
mod prompts;
mod resources;
mod round_trip;
mod subscriptions;
mod tools;
mod wire;

use oxmcp::client::Call;
use oxmcp::{Client, Error, Method, ProtocolVersion, RawJson, Server};
use serde_json::Value;

const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

async fn connect(server: &Server, version: ProtocolVersion) -> Client {
    Client::connect(server.clone()).only(version).await.unwrap()
}

async fn call(client: &Client, method: Method, params: Value) -> Result<Value, Error> {
    let result = client.call(Call::new(method, RawJson::of(&params).unwrap())).await?;
    Ok(result.to().unwrap())
}

/// The code and the data of the error that a call must come to.
async fn refused(client: &Client, method: Method, params: Value) -> (i64, Option<Value>) {
    let error = call(client, method, params).await.unwrap_err();
    let error = error.rpc().unwrap_or_else(|| panic!("{error}"));
    (error.code, error.data.as_ref().map(|data| data.to().unwrap()))
}
