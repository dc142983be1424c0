use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method};
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::dpop_nonces::{Nonces, good_until};
use super::replays::Replays;
use crate::auth::Secret;
use crate::auth::signing_key::use_crypto;

/// How old a proof may be, and how far ahead of this clock, in seconds.
const WINDOW: u64 = 60;

/// The same in microseconds, before and after.
const LIFE: u64 = 2 * WINDOW * 1_000_000;

/// The algorithms with which proofs are signed.
const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256];

/// The same in a challenge (RFC 9449, section 7.1).
pub(in crate::auth) const ALGS: &str = "ES256 ES384 EdDSA RS256 PS256";

/// Bytes of a proof.
const MAX_BYTES: usize = 8 << 10;

/// Characters of a proof's id.
const MAX_ID: usize = 128;

/// Checks that whoever shows a token has the key to which it is bound (RFC 9449, section 4.3).
#[derive(Default)]
pub(super) struct Proofs {
    seen: Mutex<Replays>,
}

/// What is wrong with a proof.
pub(super) enum BadProof {
    /// This, or there is none.
    Wrong(&'static str),
    /// It has to hold a nonce of this server's, like this one.
    Nonce(HeaderValue),
}

impl From<&'static str> for BadProof {
    fn from(why: &'static str) -> Self {
        Self::Wrong(why)
    }
}

/// What a proof is for.
pub(super) struct Proven<'a> {
    pub(super) method: &'a Method,
    /// The server's URL, and the path of the request.
    pub(super) resource: &'a Url,
    pub(super) path: &'a str,
    pub(super) token: &'a Secret,
    /// The thumbprint of the key to which the token is bound.
    pub(super) bound_to: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: String,
    nonce: Option<String>,
}

impl Proofs {
    /// Checks the proof of a request, which has to hold one of the `nonces` if there are some. The nonce that is to be used from now on, if
    /// it is another.
    ///
    /// # Errors
    ///
    /// What is wrong with the proof, or that there is none.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        proven: &Proven<'_>,
        nonces: Option<&Nonces>,
    ) -> Result<Option<HeaderValue>, BadProof> {
        let mut proofs = headers.get_all("dpop").iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else {
            return Err("the request has to have one DPoP header".into());
        };
        let proof =
            proof.to_str().ok().filter(|proof| proof.len() <= MAX_BYTES).ok_or("the proof is no JWT")?;
        use_crypto();
        let header = jsonwebtoken::decode_header(proof).map_err(|_| "the proof is no JWT")?;
        if header.typ.as_deref() != Some("dpop+jwt") || header.crit.is_some() {
            return Err("the proof is a JWT of another kind".into());
        }
        if !ALGORITHMS.contains(&header.alg) {
            return Err("the proof is signed with an algorithm that is not known here".into());
        }
        let key = header.jwk.ok_or("the proof does not hold its key")?;
        if holds_private_key(proof) {
            return Err("the proof holds a private key".into());
        }
        let thumbprint =
            key.thumbprint(ThumbprintHash::SHA256).map_err(|_| "the proof's key is of no known kind")?;
        if thumbprint != proven.bound_to {
            return Err("the token is bound to another key".into());
        }
        let decoding = DecodingKey::from_jwk(&key).map_err(|_| "the proof's key is of no known kind")?;
        let mut validation = Validation::new(header.alg);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims: Claims = jsonwebtoken::decode(proof, &decoding, &validation)
            .map_err(|_| "the proof's signature is wrong, or a claim is missing")?
            .claims;
        claims.check(proven)?;
        self.check_freshness(&thumbprint, &claims, nonces, now())
    }

    /// Whether it was made lately, and comes for the first time.
    fn check_freshness(
        &self,
        thumbprint: &str,
        claims: &Claims,
        nonces: Option<&Nonces>,
        now: u64,
    ) -> Result<Option<HeaderValue>, BadProof> {
        match nonces {
            None => {
                claims.check_time(now)?;
                // One from the future is good until its own window ends.
                self.remember(thumbprint, claims, now, now.saturating_add(LIFE))?;
                Ok(None)
            }
            Some(nonces) => {
                let wants_nonce = || match nonces.give(now) {
                    Some(nonce) => BadProof::Nonce(nonce),
                    None => BadProof::Wrong("the proof holds no nonce of this server's"),
                };
                let given_at = claims.nonce.as_deref().and_then(|nonce| nonces.given_at(nonce, now));
                let given_at = given_at.ok_or_else(wants_nonce)?;
                let good_until = good_until(given_at);
                let forgotten = self.remember(thumbprint, claims, now, good_until)?;
                // It may have come before, and be among what was forgotten.
                if good_until <= forgotten {
                    return Err(wants_nonce());
                }
                Ok(nonces.after(given_at, now))
            }
        }
    }

    /// Until when those are good that are forgotten too early, if this one is new.
    fn remember(
        &self,
        thumbprint: &str,
        claims: &Claims,
        now: u64,
        good_until: u64,
    ) -> Result<u64, &'static str> {
        let mut id = ring::digest::Context::new(&SHA256);
        id.update(thumbprint.as_bytes());
        id.update(claims.jti.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(id.finish().as_ref());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.remember(hash, now, good_until) {
            true => Ok(seen.forgotten()),
            false => Err("the proof was used before"),
        }
    }
}

impl Claims {
    fn check(&self, proven: &Proven<'_>) -> Result<(), &'static str> {
        if self.jti.is_empty() || self.jti.len() > MAX_ID {
            return Err("the proof's id is empty or too long");
        }
        if self.htm != proven.method.as_str() {
            return Err("the proof is for another method");
        }
        let url = Url::parse(&self.htu).map_err(|_| "the proof is for no URL")?;
        let is_path = |path: &str| url.path().trim_end_matches('/') == path.trim_end_matches('/');
        // What is in front of this server may have shortened the path.
        let is_here = is_path(proven.path) || is_path(proven.resource.path());
        // Queries and fragments are not compared.
        if url.origin() != proven.resource.origin() || !is_here {
            return Err("the proof is for another URL");
        }
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, proven.token.expose().as_bytes()));
        if self.ath != hash {
            return Err("the proof is for another token");
        }
        Ok(())
    }

    /// Whether it was made lately, by its own word. Where there is a nonce, that says it better (RFC 9449, section 4.3).
    fn check_time(&self, now: u64) -> Result<(), &'static str> {
        let now = (now / 1_000_000) as f64;
        if !self.iat.is_finite() || (self.iat - now).abs() > WINDOW as f64 {
            return Err("the proof is too old, or of a clock that is ahead");
        }
        Ok(())
    }
}

/// Microseconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// Whether the key in a proof's header has a private part.
fn holds_private_key(proof: &str) -> bool {
    let header = proof.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<Value>(&header).ok());
    header.is_none_or(|header| header["jwk"].get("d").is_some() || header["jwk"].get("k").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000_000;
    const SECOND: u64 = 1_000_000;

    fn nonces() -> Nonces {
        Nonces::with(&"32 bytes that nobody can guess..".into()).unwrap()
    }

    /// What a proof says whose nonce a server gave then.
    fn proof(id: &str, given_at: u64) -> Claims {
        let nonce = nonces().give(given_at).unwrap();
        Claims {
            jti: id.to_owned(),
            htm: "POST".to_owned(),
            htu: "http://localhost/mcp".to_owned(),
            iat: 0.0,
            ath: String::new(),
            nonce: Some(nonce.to_str().unwrap().to_owned()),
        }
    }

    fn check(proofs: &Proofs, claims: &Claims, now: u64) -> Result<(), BadProof> {
        proofs.check_freshness("key", claims, Some(&nonces()), now).map(drop)
    }

    /// Servers that share a key take each other's nonces, and their clocks differ.
    #[test]
    fn a_proof_is_remembered_for_as_long_as_its_nonce_is_good() {
        let (proofs, ahead) = (Proofs::default(), proof("a", NOW + 5 * SECOND));
        assert!(check(&proofs, &ahead, NOW).is_ok());
        for later in [0, 299, 301, 305] {
            let again = check(&proofs, &ahead, NOW + later * SECOND);
            assert!(matches!(again, Err(BadProof::Wrong("the proof was used before"))), "{later}");
        }
        assert!(matches!(check(&proofs, &ahead, NOW + 306 * SECOND), Err(BadProof::Nonce(_))));
    }

    #[test]
    fn a_proof_that_was_forgotten_needs_another_nonce() {
        let (proofs, ahead) = (Proofs::default(), proof("a", NOW + 5 * SECOND));
        assert!(check(&proofs, &ahead, NOW).is_ok());
        let mut other = proof("", NOW);
        for id in 1..65_536 {
            other.jti = format!("other {id}");
            assert!(check(&proofs, &other, NOW).is_ok());
        }
        // One more, and the first is forgotten.
        other.jti = "one more".to_owned();
        assert!(matches!(check(&proofs, &other, NOW), Err(BadProof::Nonce(_))));
        assert!(matches!(check(&proofs, &ahead, NOW), Err(BadProof::Nonce(_))));
        assert!(check(&proofs, &proof("b", NOW + 5 * SECOND + 1), NOW + SECOND).is_ok());
    }
}
