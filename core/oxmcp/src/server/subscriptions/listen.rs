use std::sync::Arc;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RequestId, codes};
use oxmcp_proto::model::{SubscriptionFilter, SubscriptionsListenParams};
use oxmcp_proto::{Method, ProtocolVersion};

use super::hub::Admission;
use super::tell::{tell, write_subscription};
use super::{Kinds, Listener};
use crate::server::incoming::{Incoming, invalid_params};
use crate::server::tasks::Watched;
use crate::server::{Answer, Core, Outcome, Peer};

/// An open `subscriptions/listen` (2026-07-28, patterns, subscriptions).
struct Subscription {
    id: RequestId,
    listener: Arc<Listener>,
    peer: Arc<dyn Peer>,
    /// What of the filter is honoured.
    honoured: SubscriptionFilter,
    tasks: Watched,
    _admission: Admission,
}

impl Core {
    /// Answers `subscriptions/listen`: the acknowledgement, then what changes, and the result when the server ends it.
    pub(in crate::server) fn subscribe(
        self: &Arc<Self>,
        incoming: Incoming,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let params: SubscriptionsListenParams = match incoming.params().to() {
            Ok(params) => params,
            Err(error) => return Answer::Ready(Err(invalid_params(&error))),
        };
        let limit = self.limits.open_subscriptions;
        let Some(admission) = self.catalog.hub.admit(limit) else {
            let why = format!("too many open subscriptions (limit {limit}); try again later");
            return Answer::Ready(Err(ErrorObject::internal(why)));
        };
        let mut filter = params.notifications;
        let task_ids = filter.task_ids.take();
        let (listener, honoured) = self.honour(filter);
        let (id, version) = (incoming.id.clone(), incoming.version);
        let mut subscription = Subscription {
            id,
            listener,
            peer: peer(),
            honoured,
            tasks: Watched::default(),
            _admission: admission,
        };
        let core = self.clone();
        Answer::Later(Box::pin(async move {
            if let Some(ids) = task_ids {
                subscription.tasks = core.watch_tasks(&ids, &incoming).await?;
                subscription.honoured.task_ids = Some(subscription.tasks.ids());
            }
            drop(incoming);
            core.serve_subscription(version, &subscription).await
        }))
    }

    async fn serve_subscription(&self, version: ProtocolVersion, subscription: &Subscription) -> Outcome {
        let Subscription { id, listener, peer, honoured, tasks, .. } = subscription;
        if !peer.notify(Method::SubscriptionAcknowledged, &acknowledgement(id, honoured)) {
            let why = "the client takes no notifications that belong to this request, so it cannot listen";
            return Err(ErrorObject::new(codes::INVALID_REQUEST, why));
        }
        let mut ending = self.ending.subscribe();
        tokio::select! {
            never = tell(listener, &**peer, Some(id)) => match never {},
            never = tasks.tell(&**peer, id) => match never {},
            _ = ending.wait_for(|ending| *ending) => {}
        }
        let mut meta = Vec::new();
        write_subscription(id, &mut meta);
        Ok(self.results.empty(version, meta))
    }

    /// Ends every subscription that is open, each with its result. For a transport that closes.
    pub(crate) fn end_subscriptions(&self) {
        self.ending.send_replace(true);
    }

    /// Who hears of what a client asks for, and what of it that is.
    fn honour(&self, filter: SubscriptionFilter) -> (Arc<Listener>, SubscriptionFilter) {
        let declared = self.catalog.kinds();
        let kinds = Kinds {
            tools: filter.tools_list_changed == Some(true) && declared.tools,
            resources: filter.resources_list_changed == Some(true) && declared.resources,
            prompts: filter.prompts_list_changed == Some(true) && declared.prompts,
        };
        let listener = self.catalog.hub.listen(kinds, self.limits.resource_subscriptions);
        let resource_subscriptions = filter
            .resource_subscriptions
            .filter(|_| declared.resources && self.catalog.hub.tells_updates())
            .map(|uris| uris.into_iter().filter(|uri| listener.subscribe(uri)).collect());
        let honoured = SubscriptionFilter {
            tools_list_changed: kinds.tools.then_some(true),
            resources_list_changed: kinds.resources.then_some(true),
            prompts_list_changed: kinds.prompts.then_some(true),
            resource_subscriptions,
            ..SubscriptionFilter::default()
        };
        (listener, honoured)
    }
}

/// The parameters of the acknowledgement.
fn acknowledgement(id: &RequestId, honoured: &SubscriptionFilter) -> Vec<u8> {
    let mut params = Vec::from(*br#"{"_meta":"#);
    write_subscription(id, &mut params);
    params.extend_from_slice(br#"},"notifications":"#);
    // It has nothing but booleans and strings.
    let honoured = RawJson::of(honoured).unwrap_or_else(|_| RawJson::empty_object());
    params.extend_from_slice(honoured.as_bytes());
    params.push(b'}');
    params
}
