use std::collections::BTreeMap;

use oxmcp::auth::{AuthInfo, Introspection, JwtVerifier, NotVerified, Protection, Secret, VerifierFn};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::credentials::CredentialsConfig;
use super::{SecretText, Shaped};
use crate::asker::{Asker, Question};
use crate::questions::NotAnswered;
use crate::{Error, ErrorKind};

/// Who may use a server; see [`Server::listen_http`](crate::Server::listen_http).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProtectionConfig {
    resource: String,
    authorization_servers: Vec<String>,
    jwt: Option<Shaped<JwtConfig>>,
    introspection: Option<Shaped<IntrospectionConfig>>,
    #[serde(default)]
    verify: bool,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
    name: Option<String>,
    documentation: Option<String>,
    #[serde(default)]
    require_dpop: bool,
    #[serde(default)]
    require_dpop_nonce: bool,
    dpop_nonce_key: Option<SecretText>,
    #[serde(default)]
    implies: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JwtConfig {
    issuer: Option<String>,
    jwks_url: Option<String>,
    algorithms: Option<Vec<String>>,
    #[serde(default)]
    audiences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IntrospectionConfig {
    client: Shaped<CredentialsConfig>,
    issuer: Option<String>,
    url: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
    at_once: Option<usize>,
}

impl ProtectionConfig {
    /// The protection. If the binding tells whose tokens are, it is asked by who `asker` gives.
    pub(crate) fn protection(
        self,
        asker: impl FnOnce() -> Result<Asker, Error>,
    ) -> Result<Protection, Error> {
        let mut servers = self.authorization_servers.into_iter();
        let Some(first) = servers.next() else {
            return Err(misuse("`authorizationServers` has to name one at least"));
        };
        let mut protection = match (self.jwt, self.introspection, self.verify) {
            (Some(Shaped(jwt)), None, false) => {
                let verifier = jwt.verifier(&first)?;
                Protection::new(&self.resource, first, verifier)
            }
            (None, Some(Shaped(introspection)), false) => {
                let verifier = introspection.verifier(&first)?;
                Protection::new(&self.resource, first, verifier)
            }
            (None, None, true) => {
                let asker = asker()?;
                let verifier = VerifierFn::new(move |token, resource| verify(asker.clone(), token, resource));
                Protection::new(&self.resource, first, verifier)
            }
            _ => return Err(misuse("`protection` needs one of `jwt`, `introspection` and `verify`")),
        }?;
        for issuer in servers {
            protection = protection.authorization_server(issuer);
        }
        protection = protection.scopes(self.scopes).scopes_supported(self.scopes_supported);
        if let Some(name) = self.name {
            protection = protection.name(name);
        }
        if let Some(url) = self.documentation {
            protection = protection.documentation(url);
        }
        for (scope, implied) in self.implies {
            protection = protection.implies(scope, implied);
        }
        if self.require_dpop {
            protection = protection.require_dpop();
        }
        Ok(match (self.dpop_nonce_key, self.require_dpop_nonce) {
            (Some(SecretText(key)), _) => protection.dpop_nonce_key(key)?,
            (None, true) => protection.require_dpop_nonce()?,
            (None, false) => protection,
        })
    }
}

impl JwtConfig {
    fn verifier(self, first: &str) -> Result<JwtVerifier, Error> {
        let issuer = self.issuer.unwrap_or_else(|| first.to_owned());
        let mut verifier = match self.jwks_url {
            Some(url) => JwtVerifier::with_keys_at(issuer, &url)?,
            None => JwtVerifier::new(issuer)?,
        };
        if let Some(names) = self.algorithms {
            verifier = verifier.algorithms(names)?;
        }
        Ok(self.audiences.into_iter().fold(verifier, JwtVerifier::audience))
    }
}

impl IntrospectionConfig {
    fn verifier(self, first: &str) -> Result<Introspection, Error> {
        let issuer = self.issuer.unwrap_or_else(|| first.to_owned());
        let mut verifier = Introspection::new(issuer, self.client.0.credentials()?)?;
        if let Some(url) = self.url {
            verifier = verifier.endpoint(&url)?;
        }
        if let Some(tokens) = self.at_once {
            verifier = verifier.at_once(tokens);
        }
        Ok(self.audiences.into_iter().fold(verifier, Introspection::audience))
    }
}

/// Asks the binding whose a token is. The core bounds how long that may take.
async fn verify(asker: Asker, token: Secret, resource: String) -> Result<AuthInfo, NotVerified> {
    let question = Question::VerifyToken { token: token.expose(), resource: &resource };
    let claims: Map<String, Value> = asker.ask(&question, None).await.map_err(|why| match why {
        NotAnswered::Refused(why) => NotVerified::Invalid(why),
        why => NotVerified::Unavailable(why.to_string()),
    })?;
    Ok(AuthInfo::from_claims(claims))
}

fn misuse(message: &str) -> Error {
    Error::new(ErrorKind::Misuse, message)
}
