use std::sync::{Arc, Mutex};
use std::time::Duration;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{Notification, RawJson, RequestId, write_request};
use oxmcp_proto::model::SubscribeParams;
use rustc_hash::FxHashMap;

use super::standing::{Standing, lock};
use super::{Shared, to_error};
use crate::client::params::{MetaMembers, Params};
use crate::layer::{Id, LayerRequest};
use crate::transport::http::Turn;
use crate::{Error, ErrorKind, Result};

/// The subscriptions that are remembered at most; those past it are not renewed with the session.
const MAX_SUBSCRIPTIONS: usize = 10_000;

/// How long the server may take for one request that makes a new session what the old one was.
const RESTORE_PATIENCE: Duration = Duration::from_secs(30);

/// What the server keeps for a session because the client asked for it: the resources it is subscribed to, and the level of its log.
#[derive(Default)]
pub(super) struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    /// By URI.
    subscriptions: FxHashMap<String, RawJson>,
    log_level: Option<RawJson>,
}

impl Kept {
    /// Notes a request that the server granted.
    pub(super) fn note(&self, method: Method, params: &RawJson) {
        match method {
            Method::SubscribeResource => {
                let Ok(SubscribeParams { uri, .. }) = params.to() else { return };
                let mut state = lock(&self.0);
                if state.subscriptions.len() < MAX_SUBSCRIPTIONS || state.subscriptions.contains_key(&uri) {
                    state.subscriptions.insert(uri, params.clone());
                }
            }
            Method::UnsubscribeResource => {
                let Ok(SubscribeParams { uri, .. }) = params.to() else { return };
                lock(&self.0).subscriptions.remove(&uri);
            }
            Method::SetLogLevel => lock(&self.0).log_level = Some(params.clone()),
            _ => {}
        }
    }

    /// The requests that make a new session what the old one was.
    fn requests(&self) -> Vec<(Method, RawJson)> {
        let state = lock(&self.0);
        let level = state.log_level.iter().map(|params| (Method::SetLogLevel, params.clone()));
        let subscriptions =
            state.subscriptions.values().map(|params| (Method::SubscribeResource, params.clone()));
        level.chain(subscriptions).collect()
    }
}

impl Shared {
    /// Asks for everything again that the server kept for the last session.
    pub(super) fn restore(self: &Arc<Self>, standing: Standing) {
        let requests = self.kept.requests();
        if requests.is_empty() {
            return;
        }
        let shared = self.clone();
        self.spawn(async move {
            for (method, params) in requests {
                shared.ask_again(&standing, method, &params).await;
            }
        });
    }

    async fn ask_again(self: &Arc<Self>, standing: &Standing, method: Method, params: &RawJson) {
        let answered = match self.inbound.layers() {
            None => self.ask_again_at_end(standing, method, params).await,
            Some(layers) => {
                let request =
                    self.inbound.outgoing(method.into(), params.clone(), Id::Unknown, standing.version);
                let (shared, standing) = (self.clone(), standing.clone());
                let end = async move |request: LayerRequest| {
                    shared.ask_again_at_end(&standing, method, request.params()).await
                };
                layers.through(request, end).await
            }
        };
        match answered {
            // What happened to it while nobody was subscribed was not told. The parameters name it in the same way.
            Ok(_) if method == Method::SubscribeResource => {
                let params = Some(params.clone());
                self.inbound.notified(Notification { method: Method::ResourceUpdated.into(), params });
            }
            Ok(_) => {}
            Err(error) => tracing::debug!("{} in the new session: {error}", method.name()),
        }
    }

    async fn ask_again_at_end(
        &self,
        standing: &Standing,
        method: Method,
        params: &RawJson,
    ) -> Result<RawJson> {
        let params = Params::read(params)?;
        let id = RequestId::Number(self.next_id());
        let mut body = Vec::new();
        let meta = MetaMembers::default();
        write_request(&mut body, &id, method.name(), |out| params.write(&meta, out));
        let mut on_message = |_| {};
        let head = standing.quietly(method.name());
        let answer = self.http.exchange(head, &id, body.into(), None, Turn::BESIDE, &mut on_message);
        match tokio::time::timeout(RESTORE_PATIENCE, answer).await {
            Ok(Ok(response)) => response.outcome.map_err(Error::from),
            Ok(Err(error)) => Err(to_error(error)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the server did not answer")),
        }
    }
}
