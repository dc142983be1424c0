use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::credentials::ClientCredentials;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::{Fetch, Fetched, shown};
use crate::auth::reach::is_loopback;
use crate::auth::words::printable;
use crate::auth::{Scopes, Secret};
use crate::{Error, ErrorKind, Result};

/// A client that an authorization server took on by itself (RFC 7591), to be kept for the next time.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) client: ClientCredentials,
    redirect_uris: Vec<String>,
    /// When its secret expires, in seconds since 1970; 0 for never.
    expires_at: u64,
    /// What it may ask for, if the server keeps it to that.
    pub(super) scopes: Option<Scopes>,
}

/// The same at rest, and as servers answer.
#[derive(Serialize, Deserialize)]
struct Kept {
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    client_secret_expires_at: Option<u64>,
    redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl Registration {
    /// Registers a client that calls itself `name` and is answered at `redirect_uri`.
    ///
    /// # Errors
    ///
    /// [`Unauthorized`](ErrorKind::Unauthorized) if the server takes no such client; it says why.
    pub(super) async fn make(
        fetch: &Fetch,
        server: &AuthorizationServer,
        name: &str,
        redirect_uri: &str,
        scopes: &Scopes,
    ) -> Result<Self> {
        let endpoint = server.registration_endpoint.as_ref().ok_or_else(|| {
            let message = format!(
                "the authorization server {} knows no client of this program, and lets none register itself: give the program credentials for that server (`registered`)",
                server.issuer
            );
            Error::new(ErrorKind::Unauthorized, message)
        })?;
        let mut wanted = json!({
            "client_name": name,
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "application_type": application_type(redirect_uri),
        });
        if let Some(method) = preferred_method(server) {
            wanted["token_endpoint_auth_method"] = method.into();
        }
        if !scopes.is_empty() {
            wanted["scope"] = scopes.to_string().into();
        }
        let register = async |wanted: &Value| {
            fetch.post_json(endpoint, HeaderMap::new(), wanted.to_string().into()).await
        };
        let mut answer = register(&wanted).await?;
        // To some servers, scopes are those of resources, and none of a client.
        let is_refused = |answer: &Fetched| {
            answer.json().is_some_and(|refusal: Refusal| refusal.error == "invalid_client_metadata")
        };
        if !answer.status.is_success() && wanted.get("scope").is_some() && is_refused(&answer) {
            wanted.as_object_mut().map(|wanted| wanted.remove("scope"));
            answer = register(&wanted).await?;
        }
        if !answer.status.is_success() {
            return Err(refused(server, endpoint, &answer));
        }
        let mut kept: Kept = answer
            .json()
            .ok_or_else(|| Error::protocol(format!("{} answered without a client id", shown(endpoint))))?;
        // What was asked for is good, however the server writes it: asking once more would come to the same.
        let registered = kept.redirect_uris.get_or_insert_default();
        if !registered.iter().any(|registered| registered == redirect_uri) {
            registered.push(redirect_uri.to_owned());
        }
        // Asking once more does not help where the server has granted less than was asked for.
        kept.scope = kept.scope.map(|granted| Scopes::parse_of_peer(&granted).union(scopes).to_string());
        Ok(Self::from_kept(kept, &server.issuer))
    }

    /// Whether it is good for an answer at `redirect_uri`, and may ask for `scopes`.
    pub(super) fn serves(&self, redirect_uri: &str, scopes: &Scopes, now: u64) -> bool {
        let is_good = self.expires_at == 0 || self.expires_at > now;
        let may_ask = self.scopes.as_ref().is_none_or(|known| known.contains_all(scopes));
        is_good && may_ask && self.redirect_uris.iter().any(|registered| registered == redirect_uri)
    }

    /// Where it is answered.
    pub(super) fn redirect_uris(&self) -> &[String] {
        &self.redirect_uris
    }

    pub(super) fn to_secret(&self) -> Secret {
        let (secret, method) = self.client.parts();
        let kept = Kept {
            client_id: self.client.id().to_owned(),
            client_secret: secret.map(|secret| secret.expose().to_owned()),
            client_secret_expires_at: Some(self.expires_at),
            redirect_uris: Some(self.redirect_uris.clone()),
            token_endpoint_auth_method: method.map(str::to_owned),
            scope: self.scopes.as_ref().map(Scopes::to_string),
        };
        // Strings and numbers are always written.
        Secret::new(serde_json::to_string(&kept).unwrap_or_default())
    }

    /// What was kept of a client of `issuer`, if it can still be read.
    pub(super) fn from_secret(secret: &Secret, issuer: &str) -> Option<Self> {
        Some(Self::from_kept(serde_json::from_str(secret.expose()).ok()?, issuer))
    }

    fn from_kept(kept: Kept, issuer: &str) -> Self {
        let client = match kept.client_secret {
            Some(secret) => ClientCredentials::secret(kept.client_id, secret),
            None => ClientCredentials::public(kept.client_id),
        };
        Self {
            client: client.issuer(issuer).registered_method(kept.token_endpoint_auth_method),
            redirect_uris: kept.redirect_uris.unwrap_or_default(),
            expires_at: kept.client_secret_expires_at.unwrap_or_default(),
            scopes: kept.scope.as_deref().map(Scopes::parse),
        }
    }
}

/// What kind of program is answered there (OpenID Connect Dynamic Client Registration, section 2): one on its user's machine, or a site.
fn application_type(redirect_uri: &str) -> &'static str {
    let url = Url::parse(redirect_uri).ok();
    let is_site =
        url.is_some_and(|url| url.scheme() == "https" && url.host().is_some_and(|host| !is_loopback(&host)));
    if is_site { "web" } else { "native" }
}

/// How the client would show who it is: not at all, if it may, for it has no place for a secret that its user does not see.
fn preferred_method(server: &AuthorizationServer) -> Option<&'static str> {
    let offered = server.token_endpoint_auth_methods_supported.as_ref()?;
    ["none", "client_secret_basic", "client_secret_post"]
        .into_iter()
        .find(|known| offered.iter().any(|offered| offered == known))
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

fn refused(server: &AuthorizationServer, endpoint: &Url, answer: &Fetched) -> Error {
    let mut hint = "; give the program credentials that the authorization server knows (`registered`)";
    let why = match answer.json() {
        Some(Refusal { error, error_description }) => {
            let words =
                error_description.map(|words| format!(" ({})", printable(&words))).unwrap_or_default();
            format!("{}{words}", printable(&error))
        }
        None => {
            if server.is_assumed() {
                hint = server.doubt();
            }
            format!("HTTP {}", answer.status)
        }
    };
    let message = format!("{} did not register this client: {why}{hint}", shown(endpoint));
    Error::new(ErrorKind::Unauthorized, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_on_their_users_machines_are_native() {
        for (redirect_uri, kind) in [
            ("http://127.0.0.1:4000/callback", "native"),
            ("http://localhost/callback", "native"),
            ("com.example.app:/callback", "native"),
            ("https://localhost:4000/callback", "native"),
            ("https://app.example.com/callback", "web"),
        ] {
            assert_eq!(application_type(redirect_uri), kind, "{redirect_uri}");
        }
    }

    #[test]
    fn a_kept_registration_is_the_same_when_it_is_read_again() {
        let kept = r#"{"client_id":"a","client_secret":"s","redirect_uris":["http://127.0.0.1:1/c"],"client_secret_expires_at":90}"#;
        let registration = Registration::from_secret(&kept.into(), "https://auth.example.com").unwrap();
        let any = Scopes::from(["any"]);
        assert!(registration.serves("http://127.0.0.1:1/c", &any, 89));
        assert!(!registration.serves("http://127.0.0.1:1/c", &any, 90));
        assert!(!registration.serves("http://127.0.0.1:2/c", &any, 0));
        let again = Registration::from_secret(&registration.to_secret(), "https://auth.example.com").unwrap();
        assert_eq!(format!("{again:?}"), format!("{registration:?}"));
        assert!(!format!("{registration:?}").contains("\"s\""));
        assert!(Registration::from_secret(&"{}".into(), "https://auth.example.com").is_none());
    }

    #[test]
    fn what_servers_say_is_nothing_is_nothing() {
        let kept = r#"{"client_id":"a","client_secret":null,"client_secret_expires_at":null,"redirect_uris":null,"scope":null}"#;
        let registration = Registration::from_secret(&kept.into(), "https://auth.example.com").unwrap();
        assert!(registration.redirect_uris().is_empty() && registration.expires_at == 0);
    }

    #[test]
    fn a_client_that_is_kept_to_its_scopes_does_not_serve_for_others() {
        let kept = r#"{"client_id":"a","redirect_uris":["http://127.0.0.1:1/c"],"scope":"read list"}"#;
        let registration = Registration::from_secret(&kept.into(), "https://auth.example.com").unwrap();
        let again = Registration::from_secret(&registration.to_secret(), "https://auth.example.com").unwrap();
        for registration in [registration, again] {
            assert!(registration.serves("http://127.0.0.1:1/c", &Scopes::from(["read"]), 0));
            assert!(!registration.serves("http://127.0.0.1:1/c", &Scopes::from(["read", "write"]), 0));
        }
    }
}
