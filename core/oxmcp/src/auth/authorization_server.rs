use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use crate::auth::fetch::{Fetch, shown};
use crate::auth::issuer::is_same_issuer;
use crate::auth::words::printable;
use crate::{Error, ErrorKind, ProtocolVersion, Result};

/// What is said of servers that were taken for their own authorization servers because they name none.
const DOUBT: &str = "; the server names no authorization server, so it was taken for its own: if it wants something else than OAuth, such as an API key, send that in a header";

/// What an authorization server says of itself (RFC 8414, section 2; OpenID Connect Discovery, section 3).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AuthorizationServer {
    /// Its name. What it issues is good there alone.
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Option<Url>,
    pub(crate) token_endpoint: Option<Url>,
    pub(crate) registration_endpoint: Option<Url>,
    pub(crate) scopes_supported: Option<Vec<String>>,
    pub(crate) grant_types_supported: Option<Vec<String>>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) client_id_metadata_document_supported: bool,
    /// Whether its answers name it (RFC 9207).
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
    /// Where the keys are with which it signs.
    pub(crate) jwks_uri: Option<Url>,
    /// Where it tells what a token is (RFC 7662).
    pub(crate) introspection_endpoint: Option<Url>,
    introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// The algorithms of proofs of possession, if it binds tokens to keys (RFC 9449, section 5.1).
    pub(crate) dpop_signing_alg_values_supported: Option<Vec<String>>,
    /// Where its metadata is not, if nobody says that it is an authorization server: what is known of it is assumed.
    #[serde(skip)]
    assumed: Option<String>,
}

impl AuthorizationServer {
    /// Finds the metadata of the server that is called `issuer`, in each of the places where it may be (2026-07-28, authorization server
    /// discovery).
    pub(crate) async fn discover(fetch: &Fetch, issuer: &str) -> Result<Self> {
        let url = Url::parse(issuer).map_err(|error| {
            Error::protocol(format!("the authorization server {:?} has no URL: {error}", printable(issuer)))
        })?;
        match Self::look(fetch, issuer, &well_known(&url)).await? {
            Ok(found) => Ok(found),
            Err(nothing) => Err(nothing.into_error(issuer)),
        }
    }

    /// The one of a server that has no metadata of its own as a resource: at the root of the same origin, with endpoints by default
    /// (2025-03-26, authorization, "Server Metadata Discovery").
    pub(crate) async fn of_origin(fetch: &Fetch, server: &Url) -> Result<Self> {
        let mut root = server.clone();
        root.set_query(None);
        root.set_path("/");
        let issuer = &Self::origin(server);
        let nothing = match Self::look(fetch, issuer, &well_known(&root)).await? {
            Ok(found) => return Ok(found),
            Err(nothing) => nothing,
        };
        // There may be something, so nothing is assumed.
        if let Some(kind) = nothing.trouble {
            let doubt = if kind == ErrorKind::Protocol { DOUBT } else { "" };
            return Err(Error::new(kind, format!("{}{doubt}", nothing.told(issuer))));
        }
        let at = |path: &str| root.join(path).ok();
        Ok(Self {
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            registration_endpoint: at("/register"),
            assumed: Some(nothing.places.join(", ")),
            ..Self::without_metadata(issuer)
        })
    }

    /// The name of the one at the root of the same origin.
    pub(crate) fn origin(server: &Url) -> String {
        let mut root = server.clone();
        root.set_query(None);
        root.set_path("/");
        root.as_str().trim_end_matches('/').to_owned()
    }

    /// One that the user has named by its token endpoint.
    pub(crate) fn with_token_endpoint(url: &Url) -> Self {
        Self { token_endpoint: Some(url.clone()), ..Self::without_metadata(url.as_str()) }
    }

    /// The same as the one that is asked what tokens are, where clients may show themselves in other ways (RFC 8414, section 2). If it does
    /// not say in which, then in those of its token endpoint, except that nobody is told who does not show himself.
    pub(crate) fn for_introspection(mut self) -> Self {
        let methods = self.introspection_endpoint_auth_methods_supported.take().or_else(|| {
            let mut methods = self.token_endpoint_auth_methods_supported.take()?;
            methods.retain(|method| method != "none");
            (!methods.is_empty()).then_some(methods)
        });
        Self { token_endpoint_auth_methods_supported: methods, ..self }
    }

    fn without_metadata(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: None,
            token_endpoint: None,
            registration_endpoint: None,
            scopes_supported: None,
            grant_types_supported: None,
            token_endpoint_auth_methods_supported: None,
            code_challenge_methods_supported: None,
            client_id_metadata_document_supported: false,
            authorization_response_iss_parameter_supported: false,
            jwks_uri: None,
            introspection_endpoint: None,
            introspection_endpoint_auth_methods_supported: None,
            dpop_signing_alg_values_supported: None,
            assumed: None,
        }
    }

    /// What is found in the first of these places that has something, or what each of them has instead.
    ///
    /// # Errors
    ///
    /// A place that cannot be reached, or has something of another issuer.
    async fn look(fetch: &Fetch, issuer: &str, places: &[Url]) -> Result<Result<Self, Nothing>> {
        let mut nothing = Nothing::default();
        for url in places {
            let mut headers = HeaderMap::new();
            let version = HeaderValue::from_static(ProtocolVersion::LATEST.as_str());
            headers.insert(HeaderName::from_static("mcp-protocol-version"), version);
            let fetched = fetch.get(url, headers).await?;
            if !fetched.status.is_success() {
                let withheld = fetched.is_withheld().then_some(ErrorKind::Protocol);
                nothing.trouble = nothing.trouble.or(fetched.trouble()).or(withheld);
                nothing.places.push(format!("{} answered with HTTP {}", shown(url), fetched.status));
                continue;
            }
            let Some(found) = fetched.json::<Self>() else {
                nothing.trouble.get_or_insert(ErrorKind::Protocol);
                nothing.places.push(format!("{} is no such metadata", shown(url)));
                continue;
            };
            // Whoever says to be somebody else is not believed, whatever else he says (RFC 8414, section 3.3).
            if !is_same_issuer(&found.issuer, issuer) {
                return Err(Error::protocol(format!(
                    "{} is metadata of the issuer {:?} instead of {:?}; it is not used",
                    shown(url),
                    printable(&found.issuer),
                    printable(issuer)
                )));
            }
            return Ok(Ok(found));
        }
        Ok(Err(nothing))
    }

    /// Checks that codes can be protected there (2026-07-28, authorization security, "Authorization Code Protection").
    pub(crate) fn check_pkce(&self) -> Result<()> {
        let is_supported = self
            .code_challenge_methods_supported
            .as_ref()
            .is_some_and(|methods| methods.iter().any(|method| method == "S256"));
        if is_supported || self.is_assumed() {
            return Ok(());
        }
        Err(Error::protocol(format!(
            "the authorization server {} does not say that it supports PKCE with S256, without which codes can be stolen; it is not used",
            self.issuer
        )))
    }

    /// Whether nobody says that it is an authorization server: it was the resource, which has no metadata.
    pub(crate) fn is_assumed(&self) -> bool {
        self.assumed.is_some()
    }

    /// Where its metadata was looked for in vain, if nobody says that it is an authorization server.
    pub(crate) fn looked_for(&self) -> Option<&str> {
        self.assumed.as_deref()
    }

    /// What is said of a failure there beside what happened, if nothing but an assumption led there.
    pub(crate) fn doubt(&self) -> &'static str {
        if self.is_assumed() { DOUBT } else { "" }
    }

    /// Whether it issues refresh tokens, as far as it says.
    pub(crate) fn refreshes(&self) -> bool {
        self.grant_types_supported
            .as_ref()
            .is_none_or(|types| types.iter().any(|grant| grant == "refresh_token"))
    }

    /// Whether it has a scope of that name.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes_supported.as_ref().is_some_and(|scopes| scopes.iter().any(|known| known == scope))
    }

    pub(crate) fn token_endpoint(&self) -> Result<&Url> {
        self.token_endpoint.as_ref().ok_or_else(|| self.lacks("a token endpoint"))
    }

    pub(crate) fn lacks(&self, what: &str) -> Error {
        Error::protocol(format!("the authorization server {} has not {what}", self.issuer))
    }
}

/// Places without metadata.
#[derive(Default)]
struct Nothing {
    /// What each of them has instead.
    places: Vec<String>,
    /// What kind of error it is that one of them may have something: it cannot say now, or it cannot be read.
    trouble: Option<ErrorKind>,
}

impl Nothing {
    fn into_error(self, issuer: &str) -> Error {
        Error::new(self.trouble.unwrap_or(ErrorKind::Protocol), self.told(issuer))
    }

    fn told(&self, issuer: &str) -> String {
        let places = self.places.join(", ");
        format!("the authorization server {} has no metadata where it should be: {places}", printable(issuer))
    }
}

/// Where metadata of an issuer may be, in the order in which to look.
fn well_known(issuer: &Url) -> Vec<Url> {
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.set_path(&path);
        url
    };
    let path = issuer.path().trim_end_matches('/');
    let mut places = vec![
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("/.well-known/openid-configuration{path}")),
    ];
    if !path.is_empty() {
        places.push(at(format!("{path}/.well-known/openid-configuration")));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_in_the_order_of_the_specification() {
        let places = |issuer: &str| -> Vec<String> {
            well_known(&Url::parse(issuer).unwrap()).into_iter().map(String::from).collect()
        };
        assert_eq!(
            places("https://auth.example.com/tenant1/"),
            [
                "https://auth.example.com/.well-known/oauth-authorization-server/tenant1",
                "https://auth.example.com/.well-known/openid-configuration/tenant1",
                "https://auth.example.com/tenant1/.well-known/openid-configuration"
            ]
        );
        assert_eq!(
            places("https://auth.example.com"),
            [
                "https://auth.example.com/.well-known/oauth-authorization-server",
                "https://auth.example.com/.well-known/openid-configuration"
            ]
        );
    }

    #[test]
    fn an_issuer_is_itself_alone() {
        assert!(is_same_issuer("https://a.example/", "https://a.example"));
        assert!(is_same_issuer("https://a.example/t", "https://a.example/t"));
        for other in
            ["https://A.example", "https://a.example/t/", "https://a.example:443", "http://a.example", ""]
        {
            assert!(!is_same_issuer(other, "https://a.example/t"), "{other}");
        }
        assert!(!is_same_issuer("https://a.example/t/", "https://a.example/t"));
        assert!(!is_same_issuer("https://A.example", "https://a.example"));
    }
}
