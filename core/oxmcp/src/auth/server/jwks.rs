use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::HeaderMap;
use jsonwebtoken::jwk::{Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::NotVerified;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::clock;

/// How old keys are when the issuer is asked for them again. They are used meanwhile: nobody waits for an issuer that takes its time.
const SOON: Duration = Duration::from_secs(10 * 60);

/// How long keys are good without another look. A key that an issuer withdraws is out of use after it.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// How long keys are good while the issuer cannot be asked. What it has withdrawn must not be good for as long as somebody keeps it from
/// saying so.
const STALE: Duration = Duration::from_secs(75 * 60);

/// How soon the issuer is asked again after it could not answer, or because a token names a key that is not among its keys. Anybody can
/// send such tokens.
const RETRY: Duration = Duration::from_secs(30);

/// How long an issuer that could not answer is taken for one that cannot. Older keys are used meanwhile, and it is asked on.
const AWAY: Duration = Duration::from_secs(2 * 60);

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
    asking: Arc<Mutex<Option<Url>>>,
}

/// A key that may have signed a token.
pub(super) struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, if its issuer says so.
    algorithm: Option<Algorithm>,
    pub(super) key: DecodingKey,
}

impl Key {
    /// A key of a set; `None` if it is of a kind that is not known here, or for something else than this (RFC 7517, section 4).
    fn of(jwk: Value) -> Option<Self> {
        let algorithm = match jwk.get("alg").and_then(Value::as_str) {
            None => None,
            // The name that it has by itself (RFC 9864, section 2.2).
            Some("Ed25519") => Some(Algorithm::EdDSA),
            Some(name) => Some(Algorithm::from_str(name).ok()?),
        };
        let mut jwk = jwk;
        // What it is for is known, and not all names of algorithms are to who reads it now.
        jwk.as_object_mut()?.remove("alg");
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let signs = jwk.common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature);
        let operations = jwk.common.key_operations.as_ref();
        let verifies = operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !signs || !verifies {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }

    /// Whether it may check what is signed with an algorithm.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm)
    }

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
    /// Look at these keys. It may be time to ask for them again beside that.
    Use {
        keys: Arc<[Key]>,
        and_ask: bool,
    },
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
        let is_away = self.failure.is_some() && since(self.asked_at).is_some_and(|age| age < AWAY);
        let limit = if is_away { STALE } else { FRESH };
        match (since(self.fetched_at), &self.failure) {
            // Beyond what is fresh, what is known is better than nothing as long as the issuer cannot be asked.
            (Some(age), _) if age < limit && names_one => {
                Next::Use { keys: self.keys.clone(), and_ask: age >= SOON && !has_just_asked }
            }
            _ if !has_just_asked => Next::Ask,
            (_, Some(failure)) => Next::GiveUp(failure.clone()),
            // Whether the issuer has another key since just now is not known. Its clients are told that their tokens are no good, as they are
            // later, since those who make keys up are told the same.
            (_, None) => Next::Use { keys: self.keys.clone(), and_ask: false },
        }
    }
}

impl Jwks {
    pub(super) fn new(issuer: String, url: Option<Url>, fetch: Fetch) -> Self {
        let (known, asking) = (RwLock::default(), Arc::default());
        Self { inner: Arc::new(Inner { issuer, url, fetch, known, asking }) }
    }

    /// The keys, among which is the one that a token names with `key_id` if the issuer has it. Who needs a key that is known does not wait
    /// for those who do not.
    pub(super) async fn keys(&self, key_id: Option<&str>) -> Result<Arc<[Key]>, NotVerified> {
        match self.inner.next(key_id) {
            Next::Use { keys, and_ask } => {
                if and_ask {
                    self.ask_aside();
                }
                return Ok(keys);
            }
            Next::GiveUp(why) => return Err(NotVerified::Unavailable(why)),
            Next::Ask => {}
        }
        // Whoever sent the token may go away, and others wait for the same keys.
        let (inner, wanted) = (self.inner.clone(), key_id.map(str::to_owned));
        let asked = tokio::spawn(async move { inner.ask(wanted.as_deref()).await });
        asked.await.map_err(|error| NotVerified::Unavailable(error.to_string()))?;
        match self.inner.next(key_id) {
            Next::Use { keys, .. } => Ok(keys),
            Next::Ask => Err(NotVerified::Unavailable("the keys were given too long ago".to_owned())),
            Next::GiveUp(why) => Err(NotVerified::Unavailable(why)),
        }
    }

    /// Asks for the keys while those that are known are used, unless somebody does so already.
    fn ask_aside(&self) {
        if let Ok(mut found) = self.inner.asking.clone().try_lock_owned() {
            let inner = self.inner.clone();
            tokio::spawn(async move { inner.ask_now(&mut found).await });
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
        if matches!(self.next(key_id), Next::Ask) {
            self.ask_now(&mut found).await;
        }
    }

    async fn ask_now(&self, found: &mut Option<Url>) {
        let asked = self.look(found).await;
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
            keys: Vec<Value>,
        }
        let set: Set =
            fetched.json().ok_or_else(|| format!("the keys of {} are no set of keys", self.issuer))?;
        *found = Some(url);
        Ok(set.keys.into_iter().filter_map(Key::of).take(MAX_KEYS).collect())
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
