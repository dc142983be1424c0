//! Streams of notifications that a client opens (2026-07-28, `subscriptions/listen`).

use serde::{Deserialize, Serialize};

use super::{Extra, ResultType, keys};
use crate::jsonrpc::RequestId;

/// Which notifications a client wants. What is absent is not wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionFilter {
    /// `notifications/tools/list_changed`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools_list_changed: Option<bool>,
    /// `notifications/prompts/list_changed`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts_list_changed: Option<bool>,
    /// `notifications/resources/list_changed`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_list_changed: Option<bool>,
    /// `notifications/resources/updated` of these resources, by their URIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_subscriptions: Option<Vec<String>>,
    /// `notifications/tasks` of these tasks (extension `io.modelcontextprotocol/tasks`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_ids: Option<Vec<String>>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `subscriptions/listen`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionsListenParams {
    /// What is wanted.
    pub notifications: SubscriptionFilter,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `notifications/subscriptions/acknowledged`: the first notification of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionsAcknowledgedParams {
    /// What of it the server is going to send.
    pub notifications: SubscriptionFilter,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to `subscriptions/listen`: the server has closed the subscription. It says which one under
/// [`keys::SUBSCRIPTION_ID`](super::keys::SUBSCRIPTION_ID).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionsListenResult {
    /// What kind of result it is; absent means complete (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The parameters of a notification that says nothing beside its name, such as `notifications/tools/list_changed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationParams {
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// To which subscription a message with this `_meta` belongs: the id of the `subscriptions/listen` that opened it.
pub fn subscription_id(meta: Option<&Extra>) -> Option<RequestId> {
    RequestId::deserialize(meta?.get(keys::SUBSCRIPTION_ID)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notification_says_to_which_subscription_it_belongs() {
        let params = json!({"_meta": {"io.modelcontextprotocol/subscriptionId": "s"}, "notifications": {"toolsListChanged": true}});
        let params: SubscriptionsAcknowledgedParams = serde_json::from_value(params).unwrap();
        assert_eq!(params.notifications.tools_list_changed, Some(true));
        assert_eq!(subscription_id(params.meta.as_ref()), Some("s".into()));
        assert_eq!(subscription_id(NotificationParams::default().meta.as_ref()), None);
    }
}
