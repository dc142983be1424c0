use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method};
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ring::digest::{SHA256, digest};
use rustc_hash::FxHashSet;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::auth::Secret;
use crate::auth::signing_key::use_crypto;

/// How old a proof may be, and how far ahead of this clock, in seconds.
const WINDOW: u64 = 60;

/// Proofs that are remembered, so that none is taken twice. When there are more within the window, the oldest are forgotten.
const MAX_REMEMBERED: usize = 65_536;

/// Bytes of a proof.
const MAX_BYTES: usize = 8 << 10;

/// Characters of a proof's id.
const MAX_ID: usize = 128;

/// Checks that whoever shows a token has the key to which it is bound (RFC 9449, section 4.3).
#[derive(Default)]
pub(super) struct Proofs {
    seen: Mutex<Seen>,
}

/// The proofs of the last minutes.
#[derive(Default)]
struct Seen {
    ids: FxHashSet<[u8; 32]>,
    /// The same in the order in which they came, with their times.
    order: VecDeque<(u64, [u8; 32])>,
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
}

impl Proofs {
    /// # Errors
    ///
    /// What is wrong with the proof, or that there is none.
    pub(super) fn check(&self, headers: &HeaderMap, proven: &Proven<'_>) -> Result<(), &'static str> {
        let mut proofs = headers.get_all("dpop").iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else {
            return Err("the request has to have one DPoP header");
        };
        let proof =
            proof.to_str().ok().filter(|proof| proof.len() <= MAX_BYTES).ok_or("the proof is no JWT")?;
        use_crypto();
        let header = jsonwebtoken::decode_header(proof).map_err(|_| "the proof is no JWT")?;
        if header.typ.as_deref() != Some("dpop+jwt") || header.crit.is_some() {
            return Err("the proof is a JWT of another kind");
        }
        let known =
            [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256];
        if !known.contains(&header.alg) {
            return Err("the proof is signed with an algorithm that is not known here");
        }
        let key = header.jwk.ok_or("the proof does not hold its key")?;
        if holds_private_key(proof) {
            return Err("the proof holds a private key");
        }
        let thumbprint =
            key.thumbprint(ThumbprintHash::SHA256).map_err(|_| "the proof's key is of no known kind")?;
        if thumbprint != proven.bound_to {
            return Err("the token is bound to another key");
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
        self.remember(&thumbprint, &claims)
    }

    fn remember(&self, thumbprint: &str, claims: &Claims) -> Result<(), &'static str> {
        let mut id = ring::digest::Context::new(&SHA256);
        id.update(thumbprint.as_bytes());
        id.update(claims.jti.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(id.finish().as_ref());
        let now = now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((at, id)) = seen.order.front().copied() {
            // A proof from the future is good until its own window ends.
            if at + 2 * WINDOW >= now && seen.order.len() < MAX_REMEMBERED {
                break;
            }
            seen.order.pop_front();
            seen.ids.remove(&id);
        }
        if !seen.ids.insert(hash) {
            return Err("the proof was used before");
        }
        seen.order.push_back((now, hash));
        Ok(())
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
        let now = now() as f64;
        if !self.iat.is_finite() || (self.iat - now).abs() > WINDOW as f64 {
            return Err("the proof is too old, or of a clock that is ahead");
        }
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, proven.token.expose().as_bytes()));
        if self.ath != hash {
            return Err("the proof is for another token");
        }
        Ok(())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Whether the key in a proof's header has a private part.
fn holds_private_key(proof: &str) -> bool {
    let header = proof.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<Value>(&header).ok());
    header.is_none_or(|header| header["jwk"].get("d").is_some() || header["jwk"].get("k").is_some())
}
