//! Hosts on which everybody has a path of his own.

use std::sync::Arc;

use oxmcp::ErrorKind;
use serde_json::json;

use crate::grantor::Grantor;
use crate::listener::{Seen, json as answer};
use crate::resource::Resource;
use crate::user::{agreeing, connect};

/// Whoever has a path may say what he likes there, but not speak for his neighbours: a token for the host would be good with all of them.
#[tokio::test]
async fn a_tenant_does_not_come_by_tokens_for_his_host() {
    for (names_host, is_good) in [(false, true), (true, false)] {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        let origin = resource.url().strip_suffix("/mcp").unwrap().to_owned();
        let named = if names_host { origin.clone() } else { resource.url().to_owned() };
        resource.rules(|rules| {
            rules.metadata["resource"] = json!(named);
            rules.metadata_url = format!("{origin}/mcp/metadata.json");
            let metadata = rules.metadata.clone();
            rules.first = Some(Arc::new(move |seen: &Seen| {
                (seen.path == "/mcp/metadata.json").then(|| answer(200, &metadata))
            }));
        });
        let connected = connect(resource.url(), agreeing(&grantor)).await;
        assert_eq!(connected.is_ok(), is_good, "{connected:?}");
        assert_eq!(connected.err().map(|error| error.kind()), (!is_good).then_some(ErrorKind::Protocol));
        assert_eq!(grantor.ledger(|ledger| ledger.asked.len()), usize::from(is_good));
    }
}
