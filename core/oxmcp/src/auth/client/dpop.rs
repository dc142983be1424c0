use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jsonwebtoken::Header;
use jsonwebtoken::jwk::Jwk;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use crate::auth::{Secret, SigningKey};
use crate::{Error, ErrorKind, Result};

/// The header with a proof.
pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The header in which a server says what the next proof has to hold.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Servers whose nonces are remembered: the resource, and the authorization servers.
const MAX_NONCES: usize = 16;

/// A key of which tokens can be bound, so that whoever steals them cannot use them (RFC 9449). With the nonces that servers gave for it.
#[derive(Clone)]
pub(super) struct DpopKey {
    inner: Arc<Inner>,
}

/// What shows that the sender of one request has the key.
pub(super) struct Proof {
    pub(super) header: HeaderValue,
    /// The server's nonce that it holds.
    nonce: Option<String>,
}

struct Inner {
    pkcs8: Vec<u8>,
    key: SigningKey,
    public: Jwk,
    /// By origin.
    nonces: Mutex<HashMap<String, String>>,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    htm: &'a str,
    htu: String,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl DpopKey {
    /// A new key, for P-256.
    pub(super) fn generate() -> Result<Self> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| Error::new(ErrorKind::Internal, "this system has no randomness for a key"))?;
        Self::from_pkcs8(pkcs8.as_ref().to_vec())
    }

    pub(super) fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self> {
        let key = SigningKey::from_p256(&pkcs8);
        let mut public = key.public()?;
        public.common = Default::default();
        Ok(Self { inner: Arc::new(Inner { pkcs8, key, public, nonces: Mutex::default() }) })
    }

    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.inner.pkcs8
    }

    /// A proof for one request, and for the token that goes with it (RFC 9449, section 4.2).
    pub(super) fn prove(&self, method: &Method, url: &Url, token: Option<&Secret>) -> Result<Proof> {
        let mut htu = url.clone();
        htu.set_query(None);
        htu.set_fragment(None);
        let nonce = self.nonces().get(&url.origin().ascii_serialization()).cloned();
        let claims = Claims {
            jti: Uuid::new_v4().to_string(),
            htm: method.as_str(),
            htu: htu.into(),
            iat: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            ath: token.map(|token| URL_SAFE_NO_PAD.encode(digest(&SHA256, token.expose().as_bytes()))),
            nonce: nonce.as_deref(),
        };
        let header = Header {
            typ: Some("dpop+jwt".to_owned()),
            jwk: Some(self.inner.public.clone()),
            ..Header::default()
        };
        let proof = self.inner.key.sign(header, &claims)?;
        let mut header = HeaderValue::try_from(proof)
            .map_err(|error| Error::new(ErrorKind::Internal, "a proof is no header").with_source(error))?;
        header.set_sensitive(true);
        Ok(Proof { header, nonce })
    }

    /// Remembers the nonce of an answer, if it has one (RFC 9449, sections 8 and 9). Whether it is another than that of the `proof` that was
    /// answered, so that another proof may be better: other requests may have brought the same one meanwhile.
    pub(super) fn note_nonce(&self, url: &Url, answer: &HeaderMap, proof: &Proof) -> bool {
        let Some(nonce) = answer.get(DPOP_NONCE).and_then(|nonce| nonce.to_str().ok()) else { return false };
        let mut nonces = self.nonces();
        if nonces.len() >= MAX_NONCES {
            nonces.clear();
        }
        nonces.insert(url.origin().ascii_serialization(), nonce.to_owned());
        proof.nonce.as_deref() != Some(nonce)
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.inner.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopKey(..)")
    }
}
