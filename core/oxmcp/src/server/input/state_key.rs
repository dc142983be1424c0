use std::fmt;

use ring::aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use ring::hmac;

use super::seal::{SealError, fill};
use crate::{Error, Result};

/// A secret that protects `requestState`, the state a client carries from one round of a request to the next (2026-07-28, patterns, MRTR).
///
/// A server makes a random one by itself. Replicas that answer each other's rounds share one, and so do a server's runs before and after
/// a restart; see [`Server::state_keys`](crate::Server::state_keys).
#[derive(Clone)]
pub struct StateKey(hmac::Key);

impl StateKey {
    /// A key made of a secret of at least 32 bytes, such as the output of `openssl rand 32`.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the secret is shorter.
    pub fn from_secret(secret: &[u8]) -> Result<Self> {
        if secret.len() < 32 {
            return Err(Error::misuse(format!("a state key needs 32 bytes; this one has {}", secret.len())));
        }
        Ok(Self::of(secret))
    }

    fn of(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub(super) fn random() -> Result<Self, SealError> {
        let mut secret = [0; 32];
        fill(&mut secret)?;
        Ok(Self::of(&secret))
    }

    /// The key of one text.
    pub(super) fn derive(&self, salt: &[u8]) -> Result<LessSafeKey, SealError> {
        let key = hmac::sign(&self.0, salt);
        UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).map(LessSafeKey::new).map_err(|_| SealError::Crypto)
    }
}

/// The secret is nobody's business.
impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateKey(..)")
    }
}
