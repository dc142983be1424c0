//! Enterprise-managed authorization (extension `io.modelcontextprotocol/enterprise-managed-authorization`).

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use url::Url;

use super::credentials::ClientCredentials;
use super::settled::settled;
use super::token_endpoint::TokenEndpoint;
use super::tokens::{Tokens, Wanted};
use super::workload::JWT_BEARER;
use crate::auth::Secret;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::{Error, ErrorKind, Result};

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";

/// A source of assertions, asked anew for each: they are short-lived.
pub(super) type Assertions = Arc<dyn Fn() -> BoxFuture<'static, Result<Secret>> + Send + Sync>;

/// An organisation's identity provider, which vouches for users that are signed in with it (ID-JAG).
#[derive(Clone)]
pub struct Enterprise {
    /// The client, as the MCP server's authorization server knows it.
    client: ClientCredentials,
    token_endpoint: String,
    /// The client, as the identity provider knows it.
    own_client: Option<ClientCredentials>,
    subject: Assertions,
    subject_type: &'static str,
}

impl Enterprise {
    /// The identity provider whose tokens come from `token_endpoint`, for a `client` that the MCP server's authorization server knows.
    /// `id_token` gives the OpenID Connect ID token of the user who is signed in; it is asked whenever tokens are needed.
    pub fn new<F, Fut>(client: ClientCredentials, token_endpoint: impl Into<String>, id_token: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Secret>> + Send + 'static,
    {
        Self {
            client,
            token_endpoint: token_endpoint.into(),
            own_client: None,
            subject: Arc::new(move || Box::pin(id_token())),
            subject_type: ID_TOKEN,
        }
    }

    /// How the client shows the identity provider who it is, if it has to.
    pub fn identity_provider_client(mut self, client: ClientCredentials) -> Self {
        self.own_client = Some(client);
        self
    }

    /// What users are known by is a SAML 2.0 assertion instead of an ID token.
    pub fn saml(mut self) -> Self {
        self.subject_type = SAML2;
        self
    }

    pub(super) fn client(&self) -> &ClientCredentials {
        &self.client
    }

    /// The URL of the identity provider, which the user has named.
    pub(super) fn named(&self) -> Result<Url> {
        Url::parse(&self.token_endpoint).map_err(|error| {
            Error::misuse(format!("the identity provider's token endpoint is no URL: {error}"))
        })
    }

    /// Exchanges what the user is known by for a grant, and that for tokens. Whoever says what that is has `patience`.
    pub(super) async fn run(
        &self,
        fetch: &Fetch,
        server: &AuthorizationServer,
        wanted: &Wanted,
        patience: Duration,
    ) -> Result<Tokens> {
        let grant = self.grant(fetch, server, wanted, patience).await?;
        let endpoint = TokenEndpoint { fetch, server, client: Some(&self.client) };
        let grant = vec![("grant_type", JWT_BEARER.to_owned()), ("assertion", grant.expose().to_owned())];
        Ok(endpoint.ask(wanted, true, grant).await?)
    }

    async fn grant(
        &self,
        fetch: &Fetch,
        server: &AuthorizationServer,
        wanted: &Wanted,
        patience: Duration,
    ) -> Result<Secret> {
        let url = self.named()?;
        let subject = settled("what gives the user's ID token", patience, || (self.subject)()).await?;
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE.to_owned()),
            ("requested_token_type", ID_JAG.to_owned()),
            ("audience", server.issuer.clone()),
            ("resource", wanted.resource.clone()),
            ("subject_token", subject.expose().to_owned()),
            ("subject_token_type", self.subject_type.to_owned()),
        ];
        if !wanted.scopes.is_empty() {
            form.push(("scope", wanted.scopes.to_string()));
        }
        let provider = AuthorizationServer::with_token_endpoint(&url);
        let endpoint = TokenEndpoint { fetch, server: &provider, client: self.own_client.as_ref() };
        let response =
            endpoint.post(&url, form, None).await.map_err(|failure| failure.of("identity provider"))?;
        if response.issued_token_type.as_deref() != Some(ID_JAG) {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the identity provider issued something else than the grant (ID-JAG) that it was asked for",
            ));
        }
        Ok(response.access_token.into())
    }
}

impl fmt::Debug for Enterprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enterprise").field("client", &self.client).finish_non_exhaustive()
    }
}
