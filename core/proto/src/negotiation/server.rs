use crate::jsonrpc::{ErrorObject, RawJson, codes};
use crate::model::UnsupportedVersionData;
use crate::version::{Era, ProtocolVersion};

/// The revision a server answers `initialize` with: the one the client asks for if the server speaks it, else the newest of the
/// handshake era (2025-11-25, lifecycle, "Version Negotiation").
pub fn choose_handshake_version(requested: &str) -> ProtocolVersion {
    match requested.parse::<ProtocolVersion>() {
        Ok(version) if version.era() == Era::Handshake => version,
        _ => ProtocolVersion::LATEST_HANDSHAKE,
    }
}

/// The error for a stateless request in a revision the server does not speak (2026-07-28, `-32022`).
pub fn unsupported_version(requested: &str) -> ErrorObject {
    let data = UnsupportedVersionData {
        supported: ProtocolVersion::ALL.iter().rev().map(ToString::to_string).collect(),
        requested: Some(requested.to_owned()),
        ..UnsupportedVersionData::default()
    };
    let error = ErrorObject::new(
        codes::UNSUPPORTED_PROTOCOL_VERSION,
        format!("this server does not speak protocol version {requested:?}"),
    );
    match RawJson::of(&data) {
        Ok(data) => error.with_data(data),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialize_never_ends_in_a_revision_without_sessions() {
        assert_eq!(choose_handshake_version("2025-03-26"), ProtocolVersion::V2025_03_26);
        assert_eq!(choose_handshake_version("2026-07-28"), ProtocolVersion::LATEST_HANDSHAKE);
        assert_eq!(choose_handshake_version("1999-01-01"), ProtocolVersion::LATEST_HANDSHAKE);
    }
}
