//! What a client asks for, whatever a server tells it to ask for.

use std::sync::Arc;

use serde_json::json;

use crate::grantor::Grantor;
use crate::listener::{Seen, text, with};
use crate::resource::Resource;
use crate::user::{agreeing, call, connect};

/// The scopes of which a user was asked first.
fn asked(grantor: &Grantor) -> usize {
    grantor.ledger(|ledger| ledger.asked[0].0.split(' ').count())
}

#[tokio::test]
async fn a_user_is_asked_for_so_many_scopes_however_many_are_named() {
    let names: Vec<_> = (0..1000).map(|scope| format!("scope-{scope}")).collect();
    // Those of the metadata.
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    resource.rules(|rules| rules.metadata["scopes_supported"] = json!(names));
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    call(&client, "anything").await.unwrap();
    assert_eq!(asked(&grantor), 256);
    // Those of a challenge.
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    resource.rules(|rules| {
        let challenge =
            format!("Bearer scope=\"{}\", resource_metadata=\"{}\"", names.join(" "), rules.metadata_url);
        rules.first = Some(Arc::new(move |seen: &Seen| {
            let is_first = seen.path == "/mcp" && seen.header("authorization").is_empty();
            is_first.then(|| with(text(401, ""), "www-authenticate", &challenge))
        }));
    });
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    call(&client, "anything").await.unwrap();
    assert_eq!(asked(&grantor), 256);
}
