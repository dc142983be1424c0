use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::SystemRandom;

use crate::auth::Secret;
use crate::{Error, ErrorKind, Result};

/// How long a nonce is good, in microseconds.
const LIFE: u64 = 300_000_000;

/// How far ahead of this clock another may be, of a server that shares the key, in microseconds.
const AHEAD: u64 = 5_000_000;

/// How old a nonce is when its client is given another, so that it has one when this is over.
const YOUTH: u64 = LIFE / 4;

/// Bytes of a key that a user gives: as many as the digest has (RFC 2104, section 3).
const MIN_KEY: usize = 32;

/// Nonces that proofs have to hold (RFC 9449, section 9). Each is the time at which it was given, sealed with a key: nothing is kept.
#[derive(Clone)]
pub(super) struct Nonces(hmac::Key);

impl Nonces {
    /// With a key of its own.
    pub(super) fn random() -> Result<Self> {
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Error::new(ErrorKind::Internal, "this system has no randomness for a key"))?;
        Ok(Self(key))
    }

    /// With a key that other servers have too.
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if it is shorter than 32 bytes.
    pub(super) fn with(key: &Secret) -> Result<Self> {
        let key = key.expose().as_bytes();
        if key.len() < MIN_KEY {
            let words =
                format!("a key for nonces has {MIN_KEY} bytes at least, and this one has {}", key.len());
            return Err(Error::misuse(words));
        }
        Ok(Self(hmac::Key::new(HMAC_SHA256, key)))
    }

    /// A nonce that is given now.
    pub(super) fn give(&self, now: u64) -> Option<HeaderValue> {
        let time = now.to_be_bytes();
        let sealed = [&time, hmac::sign(&self.0, &time).as_ref()].concat();
        HeaderValue::try_from(URL_SAFE_NO_PAD.encode(sealed)).ok()
    }

    /// When a nonce was given that is good now.
    pub(super) fn given_at(&self, nonce: &str, now: u64) -> Option<u64> {
        let sealed = URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (time, seal) = sealed.split_first_chunk::<8>()?;
        hmac::verify(&self.0, time, seal).ok()?;
        let at = u64::from_be_bytes(*time);
        (good_until(at) >= now && at <= now.saturating_add(AHEAD)).then_some(at)
    }

    /// What comes after a nonce that was given then, if it is time for another.
    pub(super) fn after(&self, given_at: u64, now: u64) -> Option<HeaderValue> {
        if given_at.saturating_add(YOUTH) >= now { None } else { self.give(now) }
    }
}

/// Until when a nonce is good that was given then.
pub(super) fn good_until(given_at: u64) -> u64 {
    given_at.saturating_add(LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_a_while_where_it_was_given() {
        let (own, other) = (Nonces::random().unwrap(), Nonces::random().unwrap());
        let now = 1_800_000_000_000_000;
        let nonce = own.give(now).unwrap();
        let nonce = nonce.to_str().unwrap();
        assert_eq!(own.given_at(nonce, now), Some(now));
        assert_eq!(own.given_at(nonce, now + LIFE), Some(now));
        assert_eq!(own.given_at(nonce, now + LIFE + 1), None);
        assert_eq!(own.given_at(nonce, now - 60_000_000), None);
        assert_eq!(other.given_at(nonce, now), None);
        for forged in ["", "x", &nonce[..nonce.len() - 4], &format!("AAAAAAAA{}", &nonce[8..])] {
            assert_eq!(own.given_at(forged, now), None, "{forged}");
        }
        let shared = || Nonces::with(&"32 bytes that nobody can guess..".into()).unwrap();
        assert!(shared().given_at(shared().give(now).unwrap().to_str().unwrap(), now).is_some());
        assert!(own.after(now, now + YOUTH).is_none());
        assert!(own.after(now, now + YOUTH + 1).is_some());
    }
}
