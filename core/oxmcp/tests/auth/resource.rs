//! A scripted MCP server of 2026-07-28 that wants authorization.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::grantor::Grantor;
use super::listener::{Answer, Listener, Script, Seen, json as answer, text, with};

/// An MCP server, for as long as one of its clones lives. A tool that is called `needs a b` needs the scopes `a` and `b`; every other
/// needs none.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) listener: Arc<Listener>,
    state: Arc<State>,
}

struct State {
    url: String,
    rules: Mutex<Rules>,
}

/// How the server answers.
pub(crate) struct Rules {
    /// Who grants access to it.
    pub(crate) grantor: Grantor,
    /// What it says of itself.
    pub(crate) metadata: Value,
    /// Where it says that its metadata is.
    pub(crate) metadata_url: String,
    /// What answers first.
    pub(crate) first: Option<Script>,
}

impl Resource {
    pub(crate) fn new(grantor: &Grantor) -> Self {
        Self::at("127.0.0.1", grantor)
    }

    /// One whose URLs have that host, which has to lead to this machine.
    pub(crate) fn at(host: &str, grantor: &Grantor) -> Self {
        let mut state = None;
        let listener = Listener::new(|port| {
            let origin = format!("http://{host}:{port}");
            let url = format!("{origin}/mcp");
            let rules = Rules {
                grantor: grantor.clone(),
                metadata: json!({"resource": url, "authorization_servers": [grantor.issuer()]}),
                metadata_url: format!("{origin}/.well-known/oauth-protected-resource/mcp"),
                first: None,
            };
            let shared = Arc::new(State { url, rules: Mutex::new(rules) });
            state = Some(shared.clone());
            move |seen| {
                let answer = shared.answer(&seen);
                Box::pin(async move { answer })
            }
        });
        Self { listener: Arc::new(listener), state: state.unwrap() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.state.url
    }

    pub(crate) fn rules<T>(&self, look: impl FnOnce(&mut Rules) -> T) -> T {
        look(&mut self.state.rules.lock().unwrap())
    }
}

impl State {
    fn answer(&self, seen: &Seen) -> Answer {
        let rules = self.rules.lock().unwrap();
        if let Some(answer) = rules.first.as_ref().and_then(|first| first(seen)) {
            return answer;
        }
        match (seen.method.as_str(), seen.path.as_str()) {
            ("GET", "/.well-known/oauth-protected-resource/mcp") => answer(200, &rules.metadata),
            ("POST", "/mcp") => self.call(&rules, seen),
            _ => text(404, "nothing is here"),
        }
    }

    fn call(&self, rules: &Rules, seen: &Seen) -> Answer {
        let metadata = format!("resource_metadata=\"{}\"", rules.metadata_url);
        let resource = rules.metadata["resource"].as_str().unwrap_or_default();
        let Some(scopes) = rules.grantor.scopes(seen.header("authorization"), resource) else {
            return with(text(401, ""), "www-authenticate", &format!("Bearer {metadata}"));
        };
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        let name = body["params"]["name"].as_str().unwrap_or_default();
        let needed = name.strip_prefix("needs ").unwrap_or_default();
        if !needed.split_whitespace().all(|needed| scopes.split(' ').any(|scope| scope == needed)) {
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\", {metadata}");
            return with(text(403, ""), "www-authenticate", &challenge);
        }
        let result = match body["method"].as_str().unwrap() {
            "server/discover" => {
                json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
            }
            "tools/call" => json!({"content": [{"type": "text", "text": "done"}]}),
            _ => {
                return answer(
                    404,
                    &json!({"jsonrpc": "2.0", "id": body["id"],
                    "error": {"code": -32601, "message": "no"}}),
                );
            }
        };
        answer(200, &json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
    }
}
