use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::NotVerified;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::auth::reach::Reach;
use crate::auth::{ClientCredentials, Secret};
use crate::{Error, Result, clock};

/// How soon the issuer is asked again where it tells what tokens are, after it did not say, or gave no answer there.
const RETRY: Duration = Duration::from_secs(30);

/// What tells of tokens what they are (RFC 7662), and the server that asks there.
pub(super) struct IntrospectionEndpoint {
    pub(super) issuer: String,
    /// Where it is, if the user has said so.
    url: Option<Url>,
    client: ClientCredentials,
    fetch: Fetch,
    /// Held by who looks where it is for the first time.
    found: Mutex<Found>,
}

/// Where it was found.
#[derive(Default)]
enum Found {
    #[default]
    Unknown,
    /// Here, when it was looked for the last time.
    At(Place, Instant),
    /// Nowhere, for this reason.
    Nowhere(String, Instant),
}

/// A URL, and the issuer as the one who is asked there.
type Place = Arc<(Url, AuthorizationServer)>;

impl IntrospectionEndpoint {
    pub(super) fn new(issuer: String, url: Option<Url>, client: ClientCredentials) -> Result<Self> {
        let named = Url::parse(&issuer)
            .map_err(|error| Error::misuse(format!("the issuer {issuer:?} is not a URL: {error}")))?;
        let fetch = Fetch::new(Reach::new([url.clone().unwrap_or(named)]));
        Ok(Self { issuer, url, client, fetch, found: Mutex::default() })
    }

    /// The same, at this URL.
    pub(super) fn at(&self, url: Url) -> Result<Self> {
        Self::new(self.issuer.clone(), Some(url), self.client.clone())
    }

    /// What `token` is.
    pub(super) async fn ask(self: &Arc<Self>, token: &Secret) -> Result<Map<String, Value>, NotVerified> {
        let place = self.place().await.map_err(NotVerified::Unavailable)?;
        let answer = self.post(&place, token).await;
        if answer.is_err() {
            self.doubt(&place);
        }
        answer.map_err(NotVerified::Unavailable)
    }

    async fn post(&self, place: &Place, token: &Secret) -> Result<Map<String, Value>, String> {
        let (url, server) = &**place;
        let mut headers = HeaderMap::new();
        let mut form =
            vec![("token", token.expose().to_owned()), ("token_type_hint", "access_token".to_owned())];
        let words = |error: Error| error.to_string();
        self.client.authenticate(server, &mut headers, &mut form).map_err(words)?;
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.fetch.post_form(url, headers, &form).await.map_err(words)?;
        if answer.status != StatusCode::OK {
            return Err(format!("{} answered with HTTP {} what a token is", self.issuer, answer.status));
        }
        answer.json().ok_or_else(|| format!("{} did not say what a token is", self.issuer))
    }

    /// Where to ask. One at a time looks for it.
    async fn place(&self) -> Result<Place, String> {
        let mut found = self.found.lock().await;
        match &*found {
            Found::At(place, _) => return Ok(place.clone()),
            Found::Nowhere(why, at) if clock::now().saturating_duration_since(*at) < RETRY => {
                return Err(why.clone());
            }
            Found::Nowhere(..) | Found::Unknown => {}
        }
        let looked = self.look().await;
        let now = clock::now();
        *found = match &looked {
            Ok(place) => Found::At(place.clone(), now),
            Err(why) => Found::Nowhere(why.clone(), now),
        };
        looked
    }

    async fn look(&self) -> Result<Place, String> {
        if let Some(url) = &self.url {
            let mut server = AuthorizationServer::with_token_endpoint(url);
            server.issuer.clone_from(&self.issuer);
            return Ok(Arc::new((url.clone(), server)));
        }
        let server = AuthorizationServer::discover(&self.fetch, &self.issuer).await;
        let server = server.map_err(|error| error.to_string())?.for_introspection();
        match server.introspection_endpoint.clone() {
            Some(url) => Ok(Arc::new((url, server))),
            None => Err(format!("{} does not say where it tells what tokens are", self.issuer)),
        }
    }

    /// Looks once more where to ask, since nothing came of it: the endpoint may have moved, or want this server to show itself in another
    /// way. Meanwhile, and as long as nothing is found, it is asked as before.
    fn doubt(self: &Arc<Self>, place: &Place) {
        let Ok(mut found) = self.found.try_lock() else { return };
        let Found::At(known, at) = &mut *found else { return };
        let now = clock::now();
        if !Arc::ptr_eq(known, place) || now.saturating_duration_since(*at) < RETRY {
            return;
        }
        *at = now;
        let endpoint = self.clone();
        tokio::spawn(async move {
            if let Ok(place) = endpoint.look().await {
                *endpoint.found.lock().await = Found::At(place, clock::now());
            }
        });
    }
}
