use std::sync::{Arc, PoisonError, RwLock};
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

/// How long keys are good while the issuer cannot be asked. What it has withdrawn must not be good for as long as somebody keeps it from
/// saying so.
const STALE: Duration = Duration::from_secs(75 * 60);

/// How soon the issuer is asked again after it could not answer, or because a token names a key that is not among its keys. Anybody can
/// send such tokens.
const RETRY: Duration = Duration::from_secs(30);

/// Keys of one issuer that are looked at.
const MAX_KEYS: usize = 64;

/// The keys with which an issuer signs (RFC 7517), fetched when they are needed and kept for a while.
pub(super) struct Jwks {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    /// Where they are; found in the issuer's metadata if the user has not said.
    url: Option<Url>,
    fetch: Fetch,
    known: RwLock<Known>,
    /// Held by who asks the issuer, with where the keys were found before.
    asking: Mutex<Option<Url>>,
}

/// A key that may have signed a token.
pub(super) struct Key {
    id: Option<String>,
    pub(super) key: DecodingKey,
}

impl Key {
    /// Whether it is the one that a token names, if the token names any.
    pub(super) fn is_named(&self, id: Option<&str>) -> bool {
        id.is_none() || self.id.as_deref() == id
    }
}

/// What is known of the keys.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<[Key]>,
    /// When the issuer gave them.
    fetched_at: Option<Instant>,
    /// When it was asked for the last time, and what came of that if nothing did.
    asked_at: Option<Instant>,
    failure: Option<String>,
}

/// What to do about a token.
enum Next {
    /// Look at these keys.
    Use(Arc<[Key]>),
    Ask,
    /// Say that nobody knows, and why.
    GiveUp(String),
}

impl Known {
    fn next(&self, key_id: Option<&str>) -> Next {
        let now = clock::now();
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let has_just_asked = since(self.asked_at).is_some_and(|age| age < RETRY);
        let names_one = self.keys.iter().any(|key| key.is_named(key_id));
        match (since(self.fetched_at), &self.failure) {
            (Some(age), _) if age < FRESH && names_one => Next::Use(self.keys.clone()),
            _ if !has_just_asked => Next::Ask,
            // What is known is better than nothing, as long as the issuer cannot be asked.
            (Some(age), Some(_)) if age < STALE && names_one => Next::Use(self.keys.clone()),
            (_, Some(failure)) => Next::GiveUp(failure.clone()),
            (_, None) => Next::Use(self.keys.clone()),
        }
    }
}

impl Jwks {
    pub(super) fn new(issuer: String, url: Option<Url>, fetch: Fetch) -> Self {
        let (known, asking) = (RwLock::default(), Mutex::default());
        Self { inner: Arc::new(Inner { issuer, url, fetch, known, asking }) }
    }

    /// The keys, among which is the one that a token names with `key_id` if the issuer has it. Who needs a key that is known does not wait
    /// for those who do not.
    pub(super) async fn keys(&self, key_id: Option<&str>) -> Result<Arc<[Key]>, NotVerified> {
        if let Next::Ask = self.inner.next(key_id) {
            // Whoever sent the token may go away, and others wait for the same keys.
            let (inner, key_id) = (self.inner.clone(), key_id.map(str::to_owned));
            let asked = tokio::spawn(async move { inner.ask(key_id.as_deref()).await });
            asked.await.map_err(|error| NotVerified::Unavailable(error.to_string()))?;
        }
        match self.inner.next(key_id) {
            Next::Use(keys) => Ok(keys),
            Next::Ask => Err(NotVerified::Unavailable("the keys were given too long ago".to_owned())),
            Next::GiveUp(why) => Err(NotVerified::Unavailable(why)),
        }
    }
}

impl Inner {
    fn next(&self, key_id: Option<&str>) -> Next {
        self.known.read().unwrap_or_else(PoisonError::into_inner).next(key_id)
    }

    /// Asks the issuer for its keys, unless somebody else has done so meanwhile.
    async fn ask(&self, key_id: Option<&str>) {
        let mut found = self.asking.lock().await;
        if !matches!(self.next(key_id), Next::Ask) {
            return;
        }
        let asked = self.look(&mut found).await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        known.asked_at = Some(now);
        match asked {
            Ok(keys) => *known = Known { keys, fetched_at: Some(now), asked_at: Some(now), failure: None },
            Err(why) => {
                tracing::warn!(issuer = self.issuer, why, "the keys could not be fetched");
                known.failure = Some(why);
            }
        }
    }

    async fn look(&self, found: &mut Option<Url>) -> Result<Arc<[Key]>, String> {
        let url = match self.url.as_ref().or(found.as_ref()) {
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
        *found = Some(url);
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let signs = |key: &Jwk| {
            key.common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature)
        };
        let decoded = |jwk: Jwk| {
            let key = DecodingKey::from_jwk(&jwk).ok()?;
            Some(Key { id: jwk.common.key_id, key })
        };
        Ok(keys.filter(signs).take(MAX_KEYS).filter_map(decoded).collect())
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
