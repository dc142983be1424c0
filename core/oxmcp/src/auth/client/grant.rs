use std::sync::Arc;

use super::credentials::ClientCredentials;
use super::enterprise::Enterprise;
use super::user_agent::UserAgent;
use super::workload::Workload;

/// How tokens are come by.
pub(super) enum Grant {
    /// A user authorizes (OAuth 2.1, section 4.1).
    Code(Code),
    /// The client speaks for itself (OAuth 2.1, section 4.2).
    ClientCredentials(ClientCredentials),
    /// An organisation's identity provider vouches for its user.
    Enterprise(Enterprise),
    /// A platform vouches for a workload on it.
    Workload(Workload),
}

impl Grant {
    /// The client, where there is one alone.
    pub(super) fn client(&self) -> Option<&ClientCredentials> {
        match self {
            Self::Code(_) => None,
            Self::ClientCredentials(client) => Some(client),
            Self::Enterprise(enterprise) => Some(enterprise.client()),
            Self::Workload(workload) => Some(workload.client()),
        }
    }

    /// The authorization servers that the user has named.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &str> {
        let registered = match self {
            Self::Code(code) => code.registered.as_slice(),
            _ => &[],
        };
        registered.iter().chain(self.client()).filter_map(ClientCredentials::issued_by)
    }
}

/// What a client needs to let a user authorize it.
pub(super) struct Code {
    /// What it calls itself where it registers.
    pub(super) name: String,
    pub(super) user_agent: Arc<dyn UserAgent>,
    /// The clients that servers know already.
    pub(super) registered: Vec<ClientCredentials>,
    /// Where the metadata of the client is, which is its id then (Client ID Metadata Document).
    pub(super) metadata_url: Option<String>,
}
