use oxmcp::auth::{ClientCredentials, SecretMethod, SigningKey};
use serde::Deserialize;

use super::{SecretText, Shaped};
use crate::{Error, ErrorKind};

/// A client as an authorization server knows it: public, with a secret, or with a key that signs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CredentialsConfig {
    client_id: String,
    client_secret: Option<SecretText>,
    token_endpoint_auth_method: Option<MethodConfig>,
    private_key: Option<Shaped<KeyConfig>>,
    issuer: Option<String>,
}

/// How a secret is used (RFC 7591, section 2; OpenID Connect Core, section 9).
#[derive(Clone, Copy, Deserialize)]
enum MethodConfig {
    #[serde(rename = "client_secret_basic")]
    Basic,
    #[serde(rename = "client_secret_post")]
    Post,
    #[serde(rename = "client_secret_jwt")]
    Jwt,
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
        let refused = |message| Err(Error::new(ErrorKind::Misuse, message));
        let credentials = match (self.client_secret, self.private_key, self.token_endpoint_auth_method) {
            (None, None, None) => ClientCredentials::public(self.client_id),
            (Some(SecretText(secret)), None, None) => ClientCredentials::secret(self.client_id, secret),
            (Some(SecretText(secret)), None, Some(method)) => {
                ClientCredentials::secret(self.client_id, secret).method(method.method())
            }
            (None, Some(Shaped(key)), None) => ClientCredentials::private_key(self.client_id, key.key()?),
            (Some(_), Some(_), _) => {
                return refused("a client has either `clientSecret` or `privateKey`, not both");
            }
            (None, _, Some(_)) => {
                return refused(
                    "`tokenEndpointAuthMethod` says how a `clientSecret` is used, and there is none",
                );
            }
        };
        Ok(match self.issuer {
            Some(issuer) => credentials.issuer(issuer),
            None => credentials,
        })
    }
}

impl MethodConfig {
    fn method(self) -> SecretMethod {
        match self {
            Self::Basic => SecretMethod::Basic,
            Self::Post => SecretMethod::Post,
            Self::Jwt => SecretMethod::Jwt,
        }
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
