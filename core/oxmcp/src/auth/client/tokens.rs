use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::dpop::DpopKey;
use super::registration::Registration;
use crate::Result;
use crate::auth::words::printable;
use crate::auth::{Scopes, Secret};

/// A token is no longer sent this long before it expires, because it has to arrive while it is still good; or a tenth of its life before,
/// if that is less.
const MARGIN: Duration = Duration::from_secs(30);

/// What an authorization server has granted for one resource.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    /// When the access token expires, if the server said so.
    pub(super) expiry: Option<Expiry>,
    /// What it is good for, as far as is known: what the server said, or else what was asked for.
    pub(super) scopes: Scopes,
    /// What was asked for.
    pub(super) requested: Scopes,
    /// Who issued it.
    pub(super) issuer: String,
    /// To which client.
    pub(super) client: String,
    /// The registration of that client, if it has registered itself. Tokens can be refreshed by no other, and it may register anew before they
    /// are refreshed.
    pub(super) registration: Option<Registration>,
    /// What it was issued for (RFC 8707).
    pub(super) resource: String,
    /// The key to which it is bound (RFC 9449).
    pub(super) key: Option<DpopKey>,
}

/// When an access token expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Expiry {
    /// In seconds since 1970.
    at: u64,
    /// How long it lives in all, in seconds.
    life: u64,
}

impl Expiry {
    /// After `seconds`, counted from now. Ten years are as good as for ever.
    pub(super) fn after(seconds: f64) -> Option<Self> {
        const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;
        let life = Duration::from_secs_f64(seconds.is_finite().then_some(seconds)?.clamp(0.0, LONGEST));
        Some(Self { at: now().saturating_add(life).as_secs(), life: life.as_secs() })
    }

    /// Whether it is too late to send the token.
    fn is_near(self) -> bool {
        let margin = MARGIN.min(Duration::from_secs(self.life) / 10);
        now().saturating_add(margin) >= Duration::from_secs(self.at)
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The same at rest.
#[derive(Serialize, Deserialize)]
struct Kept {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<Expiry>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    requested_scope: String,
    issuer: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<String>,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_key: Option<String>,
}

impl Tokens {
    /// Whether the access token is as good as expired.
    pub(super) fn is_expiring(&self) -> bool {
        self.expiry.is_some_and(Expiry::is_near)
    }

    /// Whether it is the same access token.
    pub(super) fn is(&self, other: &Tokens) -> bool {
        self.access == other.access
    }

    pub(super) fn to_secret(&self) -> Secret {
        let kept = Kept {
            access_token: self.access.expose().to_owned(),
            refresh_token: self.refresh.as_ref().map(|token| token.expose().to_owned()),
            expiry: self.expiry,
            scope: self.scopes.to_string(),
            requested_scope: self.requested.to_string(),
            issuer: self.issuer.clone(),
            client_id: self.client.clone(),
            registration: self.registration.as_ref().map(|made| made.to_secret().expose().to_owned()),
            resource: self.resource.clone(),
            dpop_key: self.key.as_ref().map(|key| STANDARD.encode(key.pkcs8())),
        };
        // Strings and numbers are always written.
        Secret::new(serde_json::to_string(&kept).unwrap_or_default())
    }

    /// What was kept, if it can still be read. A store that holds something else is as good as empty.
    pub(super) fn from_secret(secret: &Secret) -> Option<Self> {
        let kept: Kept = serde_json::from_str(secret.expose()).ok()?;
        let key = match kept.dpop_key {
            Some(key) => Some(DpopKey::from_pkcs8(STANDARD.decode(key).ok()?).ok()?),
            None => None,
        };
        Some(Self {
            access: kept.access_token.into(),
            refresh: kept.refresh_token.map(Secret::from),
            expiry: kept.expiry,
            scopes: Scopes::parse(&kept.scope),
            requested: Scopes::parse(&kept.requested_scope),
            registration: kept
                .registration
                .and_then(|made| Registration::from_secret(&made.into(), &kept.issuer)),
            issuer: kept.issuer,
            client: kept.client_id,
            resource: kept.resource,
            key,
        })
    }
}

/// What a token endpoint answers (RFC 6749, section 5.1).
#[derive(Deserialize)]
pub(super) struct TokenResponse {
    pub(super) access_token: String,
    pub(super) token_type: String,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) expires_in: Option<f64>,
    pub(super) refresh_token: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) scope: Option<String>,
    /// What kind of token a token exchange gave (RFC 8693, section 2.2).
    pub(super) issued_token_type: Option<String>,
}

/// A number that some servers write as text. Whatever else it is, the tokens that come with it are not thrown away for it.
fn seconds<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<f64>, D::Error> {
    Ok(match Value::deserialize(value)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// Scopes, of which some servers write an array.
fn list<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(value)? {
        Value::String(list) => Some(list),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    })
}

/// What is asked for, and of whom.
pub(super) struct Wanted {
    pub(super) issuer: String,
    pub(super) resource: String,
    pub(super) scopes: Scopes,
    pub(super) key: Option<DpopKey>,
    /// Whether tokens that are bound to no key are of no use.
    pub(super) is_bound_alone: bool,
}

impl Wanted {
    /// The tokens that came of it, for the client that asked.
    ///
    /// # Errors
    ///
    /// [`Protocol`](crate::ErrorKind::Protocol) if they are empty, of a type that cannot be used, or of one that is less than was asked for.
    pub(super) fn granted(&self, client: &str, response: TokenResponse) -> Result<Tokens> {
        if response.access_token.is_empty() {
            return Err(crate::Error::protocol(format!(
                "the authorization server {} issued a token that is empty",
                self.issuer
            )));
        }
        let is_bound = response.token_type.eq_ignore_ascii_case("DPoP");
        if !is_bound && !response.token_type.eq_ignore_ascii_case("Bearer") {
            return Err(crate::Error::protocol(format!(
                "the authorization server {} issued a token of type {:?}; this client uses Bearer and DPoP",
                self.issuer,
                printable(&response.token_type)
            )));
        }
        if is_bound && self.key.is_none() {
            return Err(crate::Error::protocol(format!(
                "the authorization server {} issued a token that is bound to a key (DPoP), and was shown none",
                self.issuer
            )));
        }
        // Whoever relies on it must not go on without (RFC 9449, section 5).
        if !is_bound && self.is_bound_alone {
            return Err(crate::Error::protocol(format!(
                "the authorization server {} issued a token that is bound to no key, though it was shown one (DPoP); the token is not used",
                self.issuer
            )));
        }
        Ok(Tokens {
            expiry: response.expires_in.and_then(Expiry::after),
            access: response.access_token.into(),
            refresh: response.refresh_token.filter(|token| !token.is_empty()).map(Secret::from),
            scopes: response.scope.as_deref().map_or_else(|| self.scopes.clone(), Scopes::parse_of_peer),
            requested: self.scopes.clone(),
            issuer: self.issuer.clone(),
            client: client.to_owned(),
            registration: None,
            resource: self.resource.clone(),
            // A server that ignored the proof issued a token that is bound to nothing.
            key: self.key.clone().filter(|_| is_bound),
        })
    }
}
