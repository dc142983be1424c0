use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::model::{ClientCapabilities, keys};
use oxmcp_proto::negotiation::Offer;

/// The members of `_meta` that every request of the stateless era carries.
pub(in crate::client) fn stateless_meta(version: ProtocolVersion, offer: &Offer) -> String {
    let json = |value| serde_json::to_string(&value).unwrap_or_else(|_| "{}".to_owned());
    // Tasks are an extension there.
    let mut capabilities = ClientCapabilities { tasks: None, ..offer.capabilities.clone() };
    if let Some(roots) = &mut capabilities.roots {
        // There is no notification for it any more (2026-07-28, roots).
        roots.list_changed = None;
    }
    format!(
        r#""{}":"{}","{}":{},"{}":{}"#,
        keys::PROTOCOL_VERSION,
        version,
        keys::CLIENT_INFO,
        json(serde_json::to_value(&offer.client_info).unwrap_or_default()),
        keys::CLIENT_CAPABILITIES,
        json(serde_json::to_value(&capabilities).unwrap_or_default()),
    )
}
