//! The revisions of the protocol and everything that differs between them on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::jsonrpc::codes;

/// A revision of the Model Context Protocol. Later ones compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 2024-11-05: the first; HTTP+SSE.
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches, audio.
    V2025_03_26,
    /// 2025-06-18: structured content, elicitation, the version header; no batches.
    V2025_06_18,
    /// 2025-11-25: icons, URL elicitation, experimental tasks.
    V2025_11_25,
    /// 2026-07-28: stateless; the revision travels with each request.
    V2026_07_28,
}

/// How two sides come to know each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// Through 2025-11-25: `initialize` opens a session.
    Handshake,
    /// From 2026-07-28 on: each request says what it needs to say in `_meta`.
    Stateless,
}

/// What differs on the wire between revisions, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wire {
    /// How the two sides come to know each other.
    pub era: Era,
    /// Whether an array of messages is a message.
    pub batches: bool,
    /// Whether HTTP requests carry `MCP-Protocol-Version`.
    pub version_header: bool,
    /// Whether an event stream begins with an event without data, and its connection may be closed before its end.
    pub sse_polling: bool,
    /// Whether HTTP requests carry `Mcp-Method` and `Mcp-Name`.
    pub method_headers: bool,
    /// Whether results carry `resultType`, and the server's identity in `_meta`.
    pub result_type: bool,
    /// Whether list results carry `ttlMs` and `cacheScope`.
    pub cache_hints: bool,
    /// Whether tools have an `outputSchema`, and their results `structuredContent`.
    pub structured_content: bool,
    /// Whether an error may say that a page has to be visited first, and a page to visit has an id.
    pub url_required: bool,
    /// Whether a client declares that it adds the context of servers to what it samples.
    pub sampling_context: bool,
    /// The error code for a URI that no resource has.
    pub resource_not_found: i64,
}

impl ProtocolVersion {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// The newest.
    pub const LATEST: Self = Self::V2026_07_28;

    /// The newest of the handshake era.
    pub const LATEST_HANDSHAKE: Self = Self::V2025_11_25;

    /// The name on the wire: the date.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The era it belongs to.
    pub const fn era(self) -> Era {
        self.wire().era
    }

    /// How this revision looks on the wire.
    pub const fn wire(self) -> Wire {
        const FIRST: Wire = Wire {
            era: Era::Handshake,
            batches: false,
            version_header: false,
            sse_polling: false,
            method_headers: false,
            result_type: false,
            cache_hints: false,
            structured_content: false,
            url_required: false,
            sampling_context: false,
            resource_not_found: codes::RESOURCE_NOT_FOUND,
        };
        match self {
            Self::V2024_11_05 => FIRST,
            Self::V2025_03_26 => Wire { batches: true, ..FIRST },
            Self::V2025_06_18 => Wire { version_header: true, structured_content: true, ..FIRST },
            Self::V2025_11_25 => Wire {
                version_header: true,
                sse_polling: true,
                structured_content: true,
                url_required: true,
                sampling_context: true,
                ..FIRST
            },
            Self::V2026_07_28 => Wire {
                era: Era::Stateless,
                version_header: true,
                method_headers: true,
                result_type: true,
                cache_hints: true,
                structured_content: true,
                sampling_context: true,
                resource_not_found: codes::INVALID_PARAMS,
                ..FIRST
            },
        }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name is none of a revision that this library knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol version {0:?}")]
pub struct UnknownVersion(pub String);

impl FromStr for ProtocolVersion {
    type Err = UnknownVersion;

    fn from_str(name: &str) -> Result<Self, UnknownVersion> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == name)
            .ok_or_else(|| UnknownVersion(name.to_owned()))
    }
}

impl Serialize for ProtocolVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProtocolVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}
