//! What a server asks for during a call is answered, also when the client has to be authorized anew for the answer.

use serde_json::json;

use crate::asking::{Lack, Way, asking, connected};
use crate::grantor::Grantor;
use crate::user::settled;

async fn an_answer_arrives(way: Way, lack: Lack) {
    let grantor = Grantor::new();
    let resource = asking(&grantor, way, lack);
    let client = connected(&grantor, &resource, lack).await;
    let called = settled(client.call_tool("ask", json!({}))).await.unwrap();
    assert_eq!(called.joined_text(), "Ada");
    assert_eq!(grantor.ledger(|ledger| ledger.asked.len()), 2, "once to connect, and once for the answer");
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn an_answer_arrives_when_the_tokens_ran_out_meanwhile() {
    an_answer_arrives(Way::Streamable, Lack::Tokens).await;
}

#[tokio::test]
async fn an_answer_arrives_that_wants_more_than_the_call() {
    an_answer_arrives(Way::Streamable, Lack::Scope).await;
}

#[tokio::test]
async fn an_answer_arrives_over_http_and_sse() {
    for lack in [Lack::Tokens, Lack::Scope] {
        an_answer_arrives(Way::Sse, lack).await;
    }
}

/// What the client knows by itself is waited for no less than what its user says.
#[tokio::test]
async fn an_answer_that_needs_no_handler_arrives_as_well() {
    let grantor = Grantor::new();
    let resource = asking(&grantor, Way::Streamable, Lack::Scope);
    let client = connected(&grantor, &resource, Lack::Scope).await;
    let called = settled(client.call_tool("ping", json!({}))).await.unwrap();
    assert_eq!(called.joined_text(), "nothing");
    assert_eq!(grantor.ledger(|ledger| ledger.asked.len()), 2);
    settled(client.close()).await.unwrap();
}
