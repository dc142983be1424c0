use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::NotVerified;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::clock;

/// How long keys are good without another look. A key that an issuer withdraws is out of use after it.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// How soon the keys are looked at again because a token names one that is not among them. Anybody can send such tokens.
const RETRY: Duration = Duration::from_secs(30);

/// Keys of one issuer that are looked at.
const MAX_KEYS: usize = 64;

/// The keys with which an issuer signs (RFC 7517), fetched when they are needed and kept for a while.
pub(super) struct Jwks {
    issuer: String,
    /// Where they are; found in the issuer's metadata if the user has not said.
    url: Option<Url>,
    fetch: Fetch,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Arc<Vec<Jwk>>,
    looked_at: Option<Instant>,
    /// Where they were found.
    found: Option<Url>,
}

impl Jwks {
    pub(super) fn new(issuer: String, url: Option<Url>, fetch: Fetch) -> Self {
        Self { issuer, url, fetch, state: Mutex::default() }
    }

    /// The keys that may have signed a token which names `key_id`. Whoever comes while they are fetched waits for that.
    pub(super) async fn keys(&self, key_id: Option<&str>) -> Result<Vec<DecodingKey>, NotVerified> {
        let mut state = self.state.lock().await;
        let age = state.looked_at.map(|at| clock::now().saturating_duration_since(at));
        let is_known =
            key_id.is_none_or(|id| state.keys.iter().any(|key| key.common.key_id.as_deref() == Some(id)));
        let is_due = match age {
            None => true,
            Some(age) => age >= FRESH || (!is_known && age >= RETRY),
        };
        if is_due {
            state.looked_at = Some(clock::now());
            match self.look(&mut state).await {
                Ok(keys) => state.keys = Arc::new(keys),
                // What is known is better than nothing, as long as the issuer cannot be asked.
                Err(why) if is_known && !state.keys.is_empty() => {
                    tracing::warn!(issuer = self.issuer, why, "the keys could not be fetched anew");
                }
                Err(why) => return Err(NotVerified::Unavailable(why)),
            }
        }
        let keys = state.keys.clone();
        drop(state);
        let fits = |key: &&Jwk| key_id.is_none() || key.common.key_id.as_deref() == key_id;
        Ok(keys.iter().filter(fits).filter_map(|key| DecodingKey::from_jwk(key).ok()).collect())
    }

    async fn look(&self, state: &mut State) -> Result<Vec<Jwk>, String> {
        let url = match self.url.as_ref().or(state.found.as_ref()) {
            Some(url) => url.clone(),
            None => self.find().await?,
        };
        let fetched = self.fetch.get(&url, HeaderMap::new()).await.map_err(|error| error.to_string())?;
        if !fetched.status.is_success() {
            return Err(format!("the keys of {} were answered with HTTP {}", self.issuer, fetched.status));
        }
        /// A set of which some keys may be of a kind that is not known here.
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set =
            fetched.json().ok_or_else(|| format!("the keys of {} are no set of keys", self.issuer))?;
        state.found = Some(url);
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let signs = |key: &Jwk| {
            key.common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature)
        };
        Ok(keys.filter(signs).take(MAX_KEYS).collect())
    }

    /// Finds where the keys are, in the metadata of the issuer.
    async fn find(&self) -> Result<Url, String> {
        let found = AuthorizationServer::discover(&self.fetch, &self.issuer)
            .await
            .map_err(|error| error.to_string())?;
        found
            .jwks_uri
            .ok_or_else(|| format!("the metadata of {} does not say where its keys are", self.issuer))
    }
}
