//! A user who agrees to everything, and clients of his.

use std::time::Duration;

use oxmcp::auth::{Authorization, Callback};
use oxmcp::{Client, ProtocolVersion, Result};
use serde_json::json;

use crate::grantor::Grantor;

/// Where the user comes back to.
pub(crate) const REDIRECT_URI: &str = "com.example.app:/authorized";

/// Seconds after which something is taken never to come.
const GUARD: Duration = Duration::from_secs(120);

/// An authorization by a user who agrees.
pub(crate) fn agreeing(grantor: &Grantor) -> Authorization {
    let grantor = grantor.clone();
    Authorization::code("Report Builder").user_agent(Callback::new(REDIRECT_URI, move |url| {
        let answer = grantor.approve(&url);
        async move { Ok(answer) }
    }))
}

/// An authorization by a user who must not be asked.
pub(crate) fn absent() -> Authorization {
    Authorization::code("Report Builder")
        .user_agent(Callback::new(REDIRECT_URI, |_| async { Err("the user was asked".into()) }))
}

pub(crate) async fn connect(url: &str, authorization: Authorization) -> Result<Client> {
    let connect = Client::connect(url).only(ProtocolVersion::V2026_07_28).authorization(authorization);
    settled(connect).await
}

/// Calls a tool that does nothing.
pub(crate) async fn call(client: &Client, tool: &str) -> Result<()> {
    let called = settled(client.call_tool(tool, json!({}))).await?;
    assert_eq!(called.joined_text(), "done");
    Ok(())
}

/// Waits for what has to come, and not forever.
pub(crate) async fn settled<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(GUARD, future).await.expect("it does not settle")
}
