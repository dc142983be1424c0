use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, Nonce};
use ring::rand::{SecureRandom, SystemRandom};

use super::state_key::StateKey;

/// The form of sealed text: this byte, the salt, the encrypted text, its tag.
const FORM: u8 = 1;

/// Bytes of the salt. Each text has a key of its own, made of the server's key and the salt, so that no number of texts wears a key out.
const SALT: usize = 16;

/// Bytes of the tag.
const TAG: usize = 16;

/// The keys of a server: the first seals, any of them opens.
#[derive(Debug, Default)]
pub(in crate::server) struct Seal(OnceLock<Vec<StateKey>>);

/// Why a text cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SealError {
    /// None of the keys made it, or somebody changed it.
    #[error("it is not as this server made it")]
    Broken,
    /// The system has no randomness, or the cipher failed.
    #[error("the system's cryptography failed")]
    Crypto,
}

impl Seal {
    /// Seals with the first of these keys and opens with any; a random one when there is none.
    pub(in crate::server) fn with(keys: impl IntoIterator<Item = StateKey>) -> Self {
        let keys: Vec<StateKey> = keys.into_iter().collect();
        Self(if keys.is_empty() { OnceLock::new() } else { OnceLock::from(keys) })
    }

    /// Seals a text: nobody without the keys can read, change or make one.
    pub(super) fn seal(&self, text: &[u8]) -> Result<String, SealError> {
        let mut sealed = Vec::with_capacity(1 + SALT + text.len() + TAG);
        sealed.push(FORM);
        sealed.resize(1 + SALT, 0);
        fill(&mut sealed[1..])?;
        let [first, ..] = self.keys()? else { return Err(SealError::Crypto) };
        let key = first.derive(&sealed[1..])?;
        sealed.extend_from_slice(text);
        let (head, body) = sealed.split_at_mut(1 + SALT);
        let tag = key
            .seal_in_place_separate_tag(only_nonce(), Aad::from(head), body)
            .map_err(|_| SealError::Crypto)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`seal`](Self::seal) made.
    pub(super) fn open(&self, sealed: &str) -> Result<Vec<u8>, SealError> {
        let mut sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError::Broken)?;
        if sealed.len() < 1 + SALT + TAG || sealed[0] != FORM {
            return Err(SealError::Broken);
        }
        let (head, body) = sealed.split_at_mut(1 + SALT);
        for key in self.keys()? {
            // A key that does not fit garbles what it was given.
            let mut body = body.to_vec();
            let key = key.derive(&head[1..])?;
            if let Ok(text) = key.open_in_place(only_nonce(), Aad::from(&*head), &mut body) {
                let length = text.len();
                body.truncate(length);
                return Ok(body);
            }
        }
        Err(SealError::Broken)
    }

    /// The keys; a random one from the first time on that one is needed.
    fn keys(&self) -> Result<&[StateKey], SealError> {
        if let Some(keys) = self.0.get() {
            return Ok(keys);
        }
        let made = vec![StateKey::random()?];
        Ok(self.0.get_or_init(|| made))
    }
}

/// The nonce of the one text that its key seals.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

pub(super) fn fill(out: &mut [u8]) -> Result<(), SealError> {
    SystemRandom::new().fill(out).map_err(|_| SealError::Crypto)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> StateKey {
        StateKey::from_secret(&[byte; 32]).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_any_of_the_keys_and_with_no_other() {
        let old = Seal::with([key(1)]);
        let rotated = Seal::with([key(2), key(1)]);
        let sealed = old.seal(b"text").unwrap();
        assert_eq!(old.open(&sealed).unwrap(), b"text");
        assert_eq!(rotated.open(&sealed).unwrap(), b"text");
        let newer = rotated.seal(b"text").unwrap();
        assert_eq!(rotated.open(&newer).unwrap(), b"text");
        assert_eq!(old.open(&newer), Err(SealError::Broken));
        assert_eq!(Seal::default().open(&sealed), Err(SealError::Broken));
        let random = Seal::with([]);
        assert_eq!(random.open(&random.seal(b"").unwrap()).unwrap(), b"");
    }

    #[test]
    fn the_same_text_is_never_sealed_alike_and_is_not_to_be_read() {
        let seal = Seal::default();
        let [one, other] = [(); 2].map(|()| seal.seal(b"a secret of the server").unwrap());
        assert_ne!(one, other);
        let bytes = URL_SAFE_NO_PAD.decode(one).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
    }

    #[test]
    fn a_short_secret_is_refused_and_no_key_shows_itself() {
        assert!(StateKey::from_secret(&[7; 31]).is_err());
        assert_eq!(format!("{:?}", key(7)), "StateKey(..)");
    }

    proptest! {
        #[test]
        fn whatever_was_changed_is_seen(text: Vec<u8>, at: prop::sample::Index, flip in 1u8..) {
            let seal = Seal::with([key(1)]);
            let mut bytes = URL_SAFE_NO_PAD.decode(seal.seal(&text).unwrap()).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_eq!(seal.open(&URL_SAFE_NO_PAD.encode(&bytes)), Err(SealError::Broken));
            bytes[at] ^= flip;
            prop_assert_eq!(seal.open(&URL_SAFE_NO_PAD.encode(&bytes)), Ok(text));
            bytes.truncate(at);
            prop_assert_eq!(seal.open(&URL_SAFE_NO_PAD.encode(&bytes)), Err(SealError::Broken));
        }

        #[test]
        fn nothing_that_was_not_sealed_opens(text: String, bytes: Vec<u8>) {
            let seal = Seal::with([key(1), key(2)]);
            prop_assert_eq!(seal.open(&text), Err(SealError::Broken));
            prop_assert_eq!(seal.open(&URL_SAFE_NO_PAD.encode(&bytes)), Err(SealError::Broken));
        }
    }
}
