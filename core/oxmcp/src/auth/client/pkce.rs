use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::auth::Secret;
use crate::{Error, ErrorKind, Result};

/// What shows that whoever has a code is who asked for it (RFC 7636).
pub(super) struct Pkce {
    /// Goes with the code.
    pub(super) verifier: Secret,
    /// Goes before it, and gives nothing away.
    pub(super) challenge: String,
}

impl Pkce {
    pub(super) fn new() -> Result<Self> {
        let verifier = random()?;
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()));
        Ok(Self { verifier, challenge })
    }
}

/// 256 bits that nobody guesses.
pub(super) fn random() -> Result<Secret> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Internal, "this system has no randomness for an authorization"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
