use std::time::UNIX_EPOCH;

use oxmcp::auth::AuthInfo;
use serde_json::{Value, json};

/// Who makes a request; see [`Server::call_context`](crate::Server::call_context).
pub(crate) fn describe(auth: &AuthInfo) -> Value {
    let mut described = json!({"scopes": auth.scopes.iter().collect::<Vec<_>>(), "claims": auth.claims});
    let members = [("subject", &auth.subject), ("clientId", &auth.client_id), ("issuer", &auth.issuer)];
    for (name, member) in members {
        if let Some(member) = member {
            described[name] = member.as_str().into();
        }
    }
    if let Some(since) = auth.expires_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
        described["expiresAt"] = since.as_secs().into();
    }
    described
}
