use std::fmt;
use std::str::FromStr;

use futures_util::future::BoxFuture;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Map, Value};
use url::Url;

use super::jwks::Jwks;
use super::{AuthInfo, NotVerified, TokenVerifier};
use crate::auth::Secret;
use crate::auth::fetch::Fetch;
use crate::auth::issuer::respelled;
use crate::auth::reach::Reach;
use crate::auth::signing_key::use_crypto;
use crate::{Error, Result};

/// How far the clocks of issuer and server may be apart, in seconds.
const LEEWAY: u64 = 30;

/// Bytes of a token. Longer ones fit into no header of common servers.
const MAX_BYTES: usize = 16 << 10;

/// Takes the tokens of one issuer that are JWTs (RFC 9068): signed by it, for this server, and good now.
///
/// ```
/// # fn main() -> Result<(), oxmcp::Error> {
/// use oxmcp::auth::JwtVerifier;
///
/// let verifier = JwtVerifier::new("https://auth.example.com")?;
/// # Ok(())
/// # }
/// ```
pub struct JwtVerifier {
    issuer: String,
    algorithms: Vec<Algorithm>,
    audiences: Vec<String>,
    keys: Jwks,
}

impl JwtVerifier {
    /// Takes the tokens of `issuer`, whose metadata says where its keys are.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if that is no URL.
    pub fn new(issuer: impl Into<String>) -> Result<Self> {
        Self::at(issuer.into(), None)
    }

    /// Takes the tokens of `issuer`, whose keys are at `jwks_url`.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if one of them is no URL.
    pub fn with_keys_at(issuer: impl Into<String>, jwks_url: &str) -> Result<Self> {
        let url = Url::parse(jwks_url)
            .map_err(|error| Error::misuse(format!("the keys' URL {jwks_url:?} is not a URL: {error}")))?;
        Self::at(issuer.into(), Some(url))
    }

    fn at(issuer: String, keys: Option<Url>) -> Result<Self> {
        let named = Url::parse(&issuer)
            .map_err(|error| Error::misuse(format!("the issuer {issuer:?} is not a URL: {error}")))?;
        let fetch = Fetch::new(Reach::new(keys.iter().cloned().chain([named])));
        Ok(Self {
            algorithms: vec![Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA],
            audiences: Vec::new(),
            keys: Jwks::new(issuer.clone(), keys, fetch),
            issuer,
        })
    }

    /// The algorithms that tokens may be signed with. Default: `RS256`, `PS256`, `ES256` and `EdDSA`. What a token says of its algorithm is
    /// believed only if it is among them; those with shared secrets cannot be.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) for one that is not known, or shares a secret.
    pub fn algorithms<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let parse = |name: S| {
            let name = name.as_ref();
            let known = Algorithm::from_str(name).ok();
            let is_shared = |algorithm: &Algorithm| {
                matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
            };
            known.filter(|known| !is_shared(known)).ok_or_else(|| {
                Error::misuse(format!(
                    "{name:?} is no algorithm that tokens are signed with by a private key"
                ))
            })
        };
        self.algorithms = names.into_iter().map(parse).collect::<Result<_>>()?;
        Ok(self)
    }

    /// Another name that tokens for this server may have in `aud`, beside its resource's own.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    async fn claims(&self, token: &Secret, resource: &str) -> Result<Map<String, Value>, NotVerified> {
        let invalid = |why: &str| NotVerified::Invalid(why.to_owned());
        let token = token.expose();
        if token.len() > MAX_BYTES {
            return Err(invalid("it is too long"));
        }
        use_crypto();
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid("it is no JWT"))?;
        if !self.algorithms.contains(&header.alg) {
            return Err(NotVerified::Invalid(format!("it is signed with {:?}", header.alg)));
        }
        if header.crit.is_some() {
            return Err(invalid("it wants something to be understood that is not"));
        }
        // An ID token tells a client who its user is, and opens nothing (RFC 9068, section 2.1).
        let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
        if !matches!(kind.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt")) {
            return Err(invalid("it is no access token"));
        }
        let validation = self.validation(header.alg, resource);
        let mut why = invalid("no key of the issuer has signed it");
        let key_id = header.kid.as_deref();
        for key in self.keys.keys(key_id).await?.iter().filter(|key| key.is_named(key_id)) {
            if !key.is_for(header.alg) {
                why = invalid("its signature is wrong");
                continue;
            }
            match jsonwebtoken::decode::<Map<String, Value>>(token, &key.key, &validation) {
                // A list of issuers of which one is right says nothing.
                Ok(token) if token.claims.get("iss").is_some_and(Value::is_string) => return Ok(token.claims),
                Ok(_) => return Err(NotVerified::Invalid(self.of_another_issuer())),
                Err(error) => match self.words(error.kind(), resource) {
                    Some(words) => return Err(NotVerified::Invalid(words)),
                    // Another key may fit.
                    None => why = invalid("its signature is wrong"),
                },
            }
        }
        Err(why)
    }

    /// What is wrong with the claims of a token whose signature is right.
    fn words(&self, error: &ErrorKind, resource: &str) -> Option<String> {
        Some(match error {
            ErrorKind::ExpiredSignature => "it has expired".to_owned(),
            ErrorKind::ImmatureSignature => "it is not good yet".to_owned(),
            ErrorKind::InvalidAudience => {
                format!("it was issued for another server (its aud is not {resource})")
            }
            ErrorKind::InvalidIssuer => self.of_another_issuer(),
            ErrorKind::MissingRequiredClaim(claim) => {
                format!("it does not say of whom, for whom or until when it is ({claim})")
            }
            ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) => "its claims cannot be read".to_owned(),
            _ => return None,
        })
    }

    fn of_another_issuer(&self) -> String {
        format!("it is of another issuer (its iss is not {})", self.issuer)
    }

    fn validation(&self, algorithm: Algorithm, resource: &str) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let respelled = respelled(&self.issuer);
        validation
            .set_issuer(&[Some(&self.issuer), respelled.as_ref()].into_iter().flatten().collect::<Vec<_>>());
        let own = std::iter::once(resource);
        validation.set_audience(&own.chain(self.audiences.iter().map(String::as_str)).collect::<Vec<_>>());
        validation
    }
}

impl TokenVerifier for JwtVerifier {
    fn verify<'a>(
        &'a self,
        token: &'a Secret,
        resource: &'a str,
    ) -> BoxFuture<'a, Result<AuthInfo, NotVerified>> {
        Box::pin(async move { AuthInfo::from_claims(self.claims(token, resource).await?).named() })
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier")
            .field("issuer", &self.issuer)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}
