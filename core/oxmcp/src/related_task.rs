use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::tasks_2025_11_25::keys::RELATED_TASK;

/// Adds to an object that it belongs to a task (2025-11-25, tasks, "Related Task Metadata").
pub(crate) fn with_related_task(object: &RawJson, id: &str) -> RawJson {
    let mut members: serde_json::Map<String, serde_json::Value> = object.to().unwrap_or_default();
    let meta = members.entry("_meta").or_insert_with(|| serde_json::Value::Object(Default::default()));
    if !meta.is_object() {
        *meta = serde_json::Value::Object(Default::default());
    }
    meta[RELATED_TASK] = serde_json::json!({"taskId": id});
    RawJson::of(&members).unwrap_or_else(|_| object.clone())
}
