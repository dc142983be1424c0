use oxmcp::auth::{ClientCredentials, SigningKey};
use serde::Deserialize;

use super::{SecretText, Shaped};
use crate::{Error, ErrorKind};

/// A client as an authorization server knows it: public, with a secret, or with a key that signs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CredentialsConfig {
    client_id: String,
    client_secret: Option<SecretText>,
    private_key: Option<Shaped<KeyConfig>>,
    issuer: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyConfig {
    pem: SecretText,
    algorithm: String,
    key_id: Option<String>,
}

impl CredentialsConfig {
    pub(super) fn credentials(self) -> Result<ClientCredentials, Error> {
        let credentials = match (self.client_secret, self.private_key) {
            (None, None) => ClientCredentials::public(self.client_id),
            (Some(SecretText(secret)), None) => ClientCredentials::secret(self.client_id, secret),
            (None, Some(Shaped(key))) => ClientCredentials::private_key(self.client_id, key.key()?),
            (Some(_), Some(_)) => {
                let message = "a client has either `clientSecret` or `privateKey`, not both";
                return Err(Error::new(ErrorKind::Misuse, message));
            }
        };
        Ok(match self.issuer {
            Some(issuer) => credentials.issuer(issuer),
            None => credentials,
        })
    }
}

impl KeyConfig {
    fn key(self) -> Result<SigningKey, Error> {
        let key = SigningKey::from_pem(self.pem.0.expose(), &self.algorithm)?;
        Ok(match self.key_id {
            Some(id) => key.key_id(id),
            None => key,
        })
    }
}
