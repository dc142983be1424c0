//! What nobody must see is seen nowhere: not in a log at its finest, not in an error, and not in what programs print for their developers.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oxmcp::Error;
use oxmcp::auth::{Authorization, ClientCredentials, Enterprise, Secret, Workload};
use oxmcp::store::{MemoryTokens, TokenStore};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::grantor::Grantor;
use crate::listener::{Seen, json as answer, text, with};
use crate::resource::Resource;
use crate::user::{agreeing, call, connect};

/// Everything that could be seen.
#[derive(Clone, Default)]
struct Visible(Arc<Mutex<String>>);

impl Visible {
    fn show(&self, what: impl Debug) {
        writeln!(self.0.lock().unwrap(), "{what:?}").unwrap();
    }

    fn show_error(&self, error: &Error) {
        writeln!(self.0.lock().unwrap(), "{error} {error:?} {error:#?}").unwrap();
        let mut source = error.origin().map(|origin| origin as &dyn std::error::Error);
        while let Some(error) = source {
            writeln!(self.0.lock().unwrap(), "{error} {error:?}").unwrap();
            source = error.source();
        }
    }
}

impl Visit for Visible {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Visible {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        span.record(&mut self.clone());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

/// Answers requests for tokens with a refusal that repeats all that came.
fn repeating(seen: &Seen) -> Option<crate::listener::Answer> {
    let words = format!("{} {}", seen.header("authorization"), seen.body);
    let fields: String =
        ["refresh_token", "code", "code_verifier", "client_assertion", "assertion", "subject_token"]
            .iter()
            .map(|field| format!(" {}", seen.field(field)))
            .collect();
    let refusal = json!({"error": "invalid_grant", "error_description": format!("{fields} {words}")});
    (seen.path == "/token").then(|| answer(400, &refusal))
}

#[tokio::test]
async fn no_secret_is_seen_anywhere() {
    let visible = Visible::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(visible.clone())).unwrap();
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();

    let authorization = agreeing(&grantor).store(tokens.clone());
    visible.show(&authorization);
    let client = connect(resource.url(), authorization).await.unwrap();
    grantor.expire();
    call(&client, "anything").await.unwrap();
    visible.show(&client);
    visible.show(&tokens);
    let kept =
        tokens.read(&format!("tokens for {} as user of \"Report Builder\"", resource.url())).await.unwrap();
    assert!(kept.is_some());
    visible.show(&kept);

    // The MCP server repeats the token of which it wants no more.
    resource.rules(|rules| {
        rules.first = Some(Arc::new(|seen: &Seen| {
            let words = format!("no: {}", seen.header("authorization"));
            let is_call = seen.body.contains("tools/call");
            is_call.then(|| with(text(403, words), "www-authenticate", "Bearer error=\"invalid_token\""))
        }));
    });
    visible.show_error(&call(&client, "anything").await.unwrap_err());
    resource.rules(|rules| rules.first = None);

    // The authorization server repeats what it refuses: a refresh, and then a code.
    grantor.ledger(|ledger| ledger.first = Some(Arc::new(repeating)));
    grantor.expire();
    visible.show_error(&call(&client, "anything").await.unwrap_err());

    let machine = ClientCredentials::secret("reports", "machine-secret-unseen");
    let url = grantor.issuer() + "/token";
    let id_token = || async { Ok(Secret::new("id-token-unseen")) };
    let plans: [Authorization; 3] = [
        Authorization::client_credentials(machine.clone()),
        Authorization::workload(Workload::new(machine.clone(), || async {
            Ok(Secret::new("workload-unseen"))
        })),
        Authorization::enterprise(
            Enterprise::new(machine.clone(), url, id_token).identity_provider_client(machine.clone()),
        ),
    ];
    visible.show(&machine);
    for plan in plans {
        visible.show(&plan);
        let error = connect(resource.url(), plan).await.err().unwrap();
        assert!(error.to_string().contains("invalid_grant"), "{error}");
        visible.show_error(&error);
    }

    let mut secrets = grantor.ledger(|ledger| ledger.secrets.clone());
    secrets.extend(["machine-secret-unseen", "id-token-unseen", "workload-unseen"].map(str::to_owned));
    for seen in grantor.listener.seen() {
        let sent = [
            "code_verifier",
            "code",
            "refresh_token",
            "client_assertion",
            "assertion",
            "subject_token",
            "client_secret",
        ];
        secrets.extend(sent.map(|field| seen.field(field)));
        secrets.extend(seen.header("authorization").split_once(' ').map(|(_, basic)| basic.to_owned()));
    }
    secrets.push(STANDARD.encode("reports:machine-secret-unseen"));
    secrets.retain(|secret| !secret.is_empty());
    assert!(secrets.len() > 20);
    let visible = visible.0.lock().unwrap().clone();
    assert!(visible.contains("refused a refresh token"), "the log is not heard");
    for secret in secrets {
        let at = visible.find(&secret);
        let around = at.map(|at| visible[..at].chars().rev().take(200).collect::<String>());
        let around = around.map(|words| words.chars().rev().collect::<String>());
        assert!(at.is_none(), "{secret} is seen after: {around:?}");
    }
}
