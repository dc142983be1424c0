use http::HeaderMap;
use serde::Deserialize;
use url::Url;

use crate::auth::challenge::Challenge;
use crate::auth::fetch::{Fetch, shown};
use crate::auth::words::printable;
use crate::auth::{Resource, Scopes};
use crate::{Error, Result};

/// What is to be found of a server's metadata.
pub(super) enum Found {
    Metadata(ProtectedResource),
    /// It says that it has none, as those of 2025-03-26.
    Nothing,
    /// It does not say: whoever asks has to be authorized already.
    Withheld(Error),
}

/// Authorization servers of one resource that are looked at.
const MAX_SERVERS: usize = 16;

/// What a server says of how to get at it (RFC 9728).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ProtectedResource {
    /// Its name for itself, which tokens are asked for.
    pub(super) resource: String,
    /// Who grants access to it, in the order of its own preference.
    #[serde(default)]
    pub(super) authorization_servers: Vec<String>,
    scopes_supported: Option<Vec<String>>,
    /// Whether it takes only tokens that are bound to a key.
    #[serde(default)]
    pub(super) dpop_bound_access_tokens_required: bool,
}

impl ProtectedResource {
    /// Finds the metadata of `resource`: where the challenge says, or else in the well-known places.
    pub(super) async fn discover(
        fetch: &Fetch,
        resource: &Resource,
        challenge: Option<&Challenge>,
    ) -> Result<Found> {
        if let Some(named) = challenge.and_then(|challenge| challenge.resource_metadata.as_deref()) {
            let url = Url::parse(named).map_err(|error| {
                Error::protocol(format!(
                    "the server's challenge names {:?} for its metadata: {error}",
                    printable(named)
                ))
            })?;
            let missing = || {
                Error::protocol(format!(
                    "{}, which the server's challenge names, has no metadata of it",
                    shown(&url)
                ))
            };
            return match Self::at(fetch, &url, resource).await?.ok_or_else(missing)?? {
                Found::Withheld(error) => Err(error),
                found => Ok(found),
            };
        }
        let (mut unread, mut nothing) = (None, Found::Nothing);
        for url in resource.well_known() {
            match Self::at(fetch, &url, resource).await? {
                Some(Ok(Found::Withheld(error))) => nothing = Found::Withheld(error),
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => unread = unread.or(Some(error)),
                None => {}
            }
        }
        unread.map_or(Ok(nothing), Err)
    }

    /// What is said there, or that it cannot be read.
    async fn at(fetch: &Fetch, url: &Url, resource: &Resource) -> Result<Option<Result<Found>>> {
        let fetched = fetch.get(url, HeaderMap::new()).await?;
        if fetched.is_withheld() {
            let message = format!(
                "{} answered with HTTP {}; if the server has metadata there, it has to be open to everybody",
                shown(url),
                fetched.status
            );
            return Ok(Some(Ok(Found::Withheld(Error::protocol(message)))));
        }
        if !fetched.is_there(url)? {
            return Ok(None);
        }
        let Some(mut found) = fetched.json::<Self>() else {
            let message =
                format!("{} should be the server's metadata, and cannot be read as that", shown(url));
            return Ok(Some(Err(Error::protocol(message))));
        };
        if !resource.takes(&found.resource, url) {
            return Err(Error::protocol(format!(
                "{} is metadata of {:?} instead of {}; no token is asked for there",
                shown(url),
                printable(&found.resource),
                resource.canonical()
            )));
        }
        found.authorization_servers.truncate(MAX_SERVERS);
        Ok(Some(Ok(Found::Metadata(found))))
    }

    /// The scopes that it takes to do anything there, if it says.
    pub(super) fn scopes(&self) -> Option<Scopes> {
        self.scopes_supported.as_ref().map(Scopes::of_peer)
    }
}
