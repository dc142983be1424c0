use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::{RawJson, write_json_string};
use oxmcp_proto::model::Implementation;

use super::result::{Own, Results};

/// What a server says of itself when it is asked.
#[derive(Debug)]
pub(super) struct Identity {
    info: RawJson,
    instructions: Option<String>,
}

impl Identity {
    pub(super) fn new(info: &Implementation, instructions: Option<String>) -> Self {
        Self { info: RawJson::of(info).unwrap_or_else(|_| RawJson::empty_object()), instructions }
    }

    /// The answer to `initialize`.
    pub(super) fn initialized(&self, version: ProtocolVersion, capabilities: &RawJson) -> RawJson {
        let mut result = Vec::with_capacity(256);
        result.extend_from_slice(br#"{"protocolVersion":"#);
        write_json_string(version.as_str(), &mut result);
        self.write_members(capabilities, &mut result);
        result.extend_from_slice(br#","serverInfo":"#);
        result.extend_from_slice(self.info.as_bytes());
        result.push(b'}');
        RawJson::from_written(result)
    }

    /// The answer to `server/discover`.
    pub(super) fn discovered(
        &self,
        version: ProtocolVersion,
        capabilities: &RawJson,
        results: &Results,
    ) -> RawJson {
        let mut result = Vec::with_capacity(512);
        result.extend_from_slice(br#"{"supportedVersions":["#);
        for (at, version) in ProtocolVersion::ALL.iter().rev().enumerate() {
            if at > 0 {
                result.push(b',');
            }
            write_json_string(version.as_str(), &mut result);
        }
        result.push(b']');
        self.write_members(capabilities, &mut result);
        result.extend_from_slice(br#","ttlMs":0,"cacheScope":"private""#);
        results.finish(version, &mut result, Own::default());
        RawJson::from_written(result)
    }

    fn write_members(&self, capabilities: &RawJson, out: &mut Vec<u8>) {
        out.extend_from_slice(br#","capabilities":"#);
        out.extend_from_slice(capabilities.as_bytes());
        if let Some(instructions) = &self.instructions {
            out.extend_from_slice(br#","instructions":"#);
            write_json_string(instructions, out);
        }
    }
}
