use std::fmt;
use std::str::FromStr;
use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, rust_crypto};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::{Error, ErrorKind, Result};

/// A private key that signs what a client says of itself (`private_key_jwt`).
///
/// ```
/// # fn main() -> Result<(), oxmcp::Error> {
/// use oxmcp::auth::SigningKey;
/// # let pem = "-----BEGIN PRIVATE KEY-----\n\
/// #     MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n\
/// #     OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n\
/// #     1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n\
/// #     -----END PRIVATE KEY-----\n";
/// let key = SigningKey::from_pem(pem, "ES256")?.key_id("2026-11");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SigningKey {
    key: EncodingKey,
    algorithm: Algorithm,
    id: Option<String>,
}

impl SigningKey {
    /// A key in PEM, PKCS #8 for elliptic curves, and the algorithm to sign with: `ES256`, `ES384`, `EdDSA`, `RS256`, `PS256` and
    /// their longer forms (RFC 7518, section 3.1).
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if that is no such key, or no algorithm for it. The error does not repeat the key.
    pub fn from_pem(pem: &str, algorithm: &str) -> Result<Self> {
        let unknown =
            || Error::misuse(format!("{algorithm:?} is no algorithm that signs with a private key"));
        let algorithm = Algorithm::from_str(algorithm).map_err(|_| unknown())?;
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return Err(unknown()),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
        };
        let key = key.map_err(|_| {
            let hint = match pem.contains("BEGIN EC PRIVATE KEY") {
                true => "; it is not PKCS #8, which `openssl pkcs8 -topk8 -nocrypt` makes of it",
                false => "",
            };
            Error::misuse(format!("the PEM holds no private key that can be used for {algorithm:?}{hint}"))
        })?;
        Ok(Self { key, algorithm, id: None })
    }

    /// The name by which the server knows the key (`kid`).
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// A key for P-256, as PKCS #8.
    pub(super) fn from_p256(pkcs8: &[u8]) -> Self {
        Self { key: EncodingKey::from_ec_der(pkcs8), algorithm: Algorithm::ES256, id: None }
    }

    /// The key that others check signatures with.
    pub(super) fn public(&self) -> Result<Jwk> {
        use_crypto();
        Jwk::from_encoding_key(&self.key, self.algorithm).map_err(broken)
    }

    /// A signed JWT of these claims. `header` is what its header says beside the algorithm and the key's name.
    pub(super) fn sign(&self, header: Header, claims: &impl Serialize) -> Result<String> {
        use_crypto();
        let header = Header { alg: self.algorithm, kid: self.id.clone(), ..header };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(broken)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn broken(error: jsonwebtoken::errors::Error) -> Error {
    Error::new(ErrorKind::Misuse, "the private key cannot sign").with_source(error)
}

/// Says which cryptography tokens are checked and signed with, before the first of them, unless the program has said so itself. Without it,
/// a program in which two are compiled in could use none.
pub(super) fn use_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = CryptoProvider::install_default(&rust_crypto::DEFAULT_PROVIDER);
    });
}
