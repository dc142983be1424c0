use std::collections::HashMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::pkce::{Pkce, random};
use super::token_endpoint::{NoToken, TokenEndpoint};
use super::tokens::{Tokens, Wanted};
use super::user_agent::Visit;
use crate::auth::Secret;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::auth::words::printable;
use crate::{Error, ErrorKind, Result};

/// One authorization, of which the user has not heard yet.
pub(super) struct CodeRequest {
    issuer: String,
    names_issuer: bool,
    state: Secret,
    pkce: Pkce,
    redirect_uri: String,
    url: Url,
}

impl CodeRequest {
    /// # Errors
    ///
    /// [`Protocol`](ErrorKind::Protocol) if the server must not be trusted with a code, or its endpoint is no address to show to a user.
    pub(super) fn new(
        fetch: &Fetch,
        server: &AuthorizationServer,
        client: &str,
        redirect_uri: &str,
        wanted: &Wanted,
    ) -> Result<Self> {
        server.check_pkce()?;
        let mut url =
            server.authorization_endpoint.clone().ok_or_else(|| server.lacks("an authorization endpoint"))?;
        // Whatever opens it for the user may take more than addresses of pages.
        fetch.reach().check(&url).map_err(|why| {
            Error::protocol(format!(
                "the authorization server {} wants its users at an address that is not shown to them: {why}",
                server.issuer
            ))
        })?;
        url.set_fragment(None);
        let pkce = Pkce::new()?;
        let state = random()?;
        // Without it, servers of OpenID Connect give no refresh token (OpenID Connect Core, section 11).
        let prompt = wanted.scopes.contains("offline_access").then_some("consent");
        let own = [
            "response_type",
            "client_id",
            "redirect_uri",
            "state",
            "code_challenge",
            "code_challenge_method",
            "resource",
            "scope",
        ];
        let is_own = |name: &str| own.contains(&name) || (name == "prompt" && prompt.is_some());
        let kept: Vec<(String, String)> =
            url.query_pairs().into_owned().filter(|(name, _)| !is_own(name)).collect();
        let mut query = url.query_pairs_mut();
        query.clear();
        query
            .extend_pairs(kept)
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &pkce.challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", &wanted.resource);
        if !wanted.scopes.is_empty() {
            query.append_pair("scope", &wanted.scopes.to_string());
        }
        if let Some(prompt) = prompt {
            query.append_pair("prompt", prompt);
        }
        drop(query);
        let url =
            harmless(&url).ok_or_else(|| server.lacks("an authorization endpoint that can be opened"))?;
        Ok(Self {
            issuer: server.issuer.clone(),
            names_issuer: server.authorization_response_iss_parameter_supported,
            state,
            pkce,
            redirect_uri: redirect_uri.to_owned(),
            url,
        })
    }

    /// Lets the user authorize.
    pub(super) async fn ask(self, visit: Box<dyn Visit>) -> Result<CodeAnswer> {
        let answer = visit.authorize(self.url.clone()).await?;
        let code = self.code(&answer)?;
        Ok(CodeAnswer { code, redirect_uri: self.redirect_uri, verifier: self.pkce.verifier })
    }

    /// The code in an answer, if it is one to this request and of the server that was asked (RFC 9207, section 2.4).
    fn code(&self, answer: &Url) -> Result<Secret> {
        let unauthorized = |why: String| Error::new(ErrorKind::Unauthorized, why);
        let mut parameters = HashMap::new();
        for (name, value) in answer.query_pairs() {
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Error::protocol(format!("the authorization's answer says {name:?} twice")));
            }
        }
        if parameters.get("state").map(String::as_str) != Some(self.state.expose()) {
            return Err(unauthorized(
                "an answer came that belongs to no authorization of this client (its state differs); it is not used".to_owned(),
            ));
        }
        match parameters.get("iss") {
            Some(issuer) if *issuer != self.issuer => {
                return Err(unauthorized(format!(
                    "the authorization was answered by {:?} instead of {:?}; it is not used",
                    printable(issuer),
                    self.issuer
                )));
            }
            None if self.names_issuer => {
                return Err(unauthorized(format!(
                    "the authorization's answer does not say that it is of {:?}, as that server says all of its answers do; it is not used",
                    self.issuer
                )));
            }
            Some(_) | None => {}
        }
        if let Some(error) = parameters.get("error") {
            let words = parameters.get("error_description").map(|words| format!(" ({})", printable(words)));
            return Err(unauthorized(format!(
                "the authorization server did not authorize this client: {}{}",
                printable(error),
                words.unwrap_or_default()
            )));
        }
        let code = parameters.remove("code").filter(|code| !code.is_empty());
        code.map(Secret::from).ok_or_else(|| Error::protocol("the authorization's answer holds no code"))
    }
}

/// A code, and what it takes to redeem it.
pub(super) struct CodeAnswer {
    code: Secret,
    redirect_uri: String,
    verifier: Secret,
}

impl CodeAnswer {
    /// Redeems the code.
    pub(super) async fn redeem(
        self,
        endpoint: &TokenEndpoint<'_>,
        wanted: &Wanted,
    ) -> Result<Tokens, NoToken> {
        let grant = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", self.code.expose().to_owned()),
            ("redirect_uri", self.redirect_uri),
            ("code_verifier", self.verifier.expose().to_owned()),
        ];
        endpoint.ask(wanted, false, grant).await
    }
}

/// The same URL without what a shell would take for more than text, should whatever opens it be one.
fn harmless(url: &Url) -> Option<Url> {
    let mut text = String::with_capacity(url.as_str().len());
    for char in url.as_str().chars() {
        match char {
            '$' | '(' | ')' | ';' | '|' | '\'' | '`' | '"' | '<' | '>' | '^' | '\\' | '{' | '}' => {
                text.extend(utf8_percent_encode(char.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC));
            }
            _ => text.push(char),
        }
    }
    Url::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scopes;
    use crate::auth::reach::Reach;

    fn server(more: &str) -> AuthorizationServer {
        let text = format!(
            r#"{{"issuer":"https://auth.example.com","authorization_endpoint":"https://auth.example.com/authorize?tenant=1&state=x&prompt=login",
               "token_endpoint":"https://auth.example.com/token","code_challenge_methods_supported":["S256"]{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn request(server: &AuthorizationServer) -> Result<CodeRequest> {
        let fetch = Fetch::new(Reach::new([]));
        let wanted = Wanted {
            issuer: server.issuer.clone(),
            resource: "https://mcp.example.com".to_owned(),
            scopes: Scopes::from(["a", "b", "offline_access"]),
            key: None,
            is_bound_alone: false,
        };
        CodeRequest::new(&fetch, server, "me", "http://127.0.0.1:1/callback", &wanted)
    }

    fn answer(request: &CodeRequest, query: &str) -> Result<Secret> {
        let query = query.replace("STATE", request.state.expose());
        request.code(&Url::parse(&format!("http://127.0.0.1:1/callback?{query}")).unwrap())
    }

    #[test]
    fn a_request_says_what_is_wanted_once() {
        let request = request(&server("")).unwrap();
        let query: HashMap<_, _> = request.url.query_pairs().into_owned().collect();
        assert_eq!(request.url.query_pairs().count(), query.len());
        assert_eq!(query["tenant"], "1");
        assert_eq!(query["state"], request.state.expose());
        assert_eq!(query["resource"], "https://mcp.example.com");
        assert_eq!(query["scope"], "a b offline_access");
        assert_eq!(query["prompt"], "consent");
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(!request.url.as_str().contains(request.pkce.verifier.expose()));
    }

    #[test]
    fn only_the_server_that_was_asked_is_believed() {
        let silent = request(&server("")).unwrap();
        assert_eq!(answer(&silent, "state=STATE&code=c").unwrap().expose(), "c");
        assert_eq!(
            answer(&silent, "state=STATE&code=c&iss=https%3A%2F%2Fauth.example.com").unwrap().expose(),
            "c"
        );
        let named = request(&server(r#","authorization_response_iss_parameter_supported":true"#)).unwrap();
        for (request, query) in [
            (&silent, "state=other&code=c"),
            (&silent, "code=c"),
            (&silent, "state=STATE&state=STATE&code=c"),
            (&silent, "state=STATE&code=c&iss=https%3A%2F%2Fauth.example.com%2F"),
            (&silent, "state=STATE&code=c&iss=https%3A%2F%2Fevil.example.com"),
            (&silent, "state=STATE&code="),
            (&named, "state=STATE&code=c"),
            (&named, "state=STATE&error=access_denied"),
        ] {
            assert!(answer(request, query).is_err(), "{query}");
        }
        let error =
            answer(&named, "state=STATE&error=secret_words&iss=https%3A%2F%2Fevil.example.com").unwrap_err();
        assert!(!error.to_string().contains("secret_words"), "{error}");
        let error =
            answer(&silent, "state=STATE&error=access_denied&error_description=no%0Away").unwrap_err();
        assert!(error.to_string().contains("access_denied (noway)"), "{error}");
    }

    #[test]
    fn addresses_that_are_no_pages_are_not_shown() {
        for endpoint in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://auth.example.com/authorize",
            "https://169.254.169.254/authorize",
            "calculator:run",
            "https://user:word@auth.example.com/",
        ] {
            let mut server = server("");
            server.authorization_endpoint = Some(Url::parse(endpoint).unwrap());
            assert!(request(&server).is_err(), "{endpoint}");
        }
        // What a shell would understand is escaped in a URL.
        let mut odd = server("");
        odd.authorization_endpoint = Some(Url::parse("https://auth.example.com/\"`id`$(id);|<>^ a").unwrap());
        let shown = request(&odd).unwrap().url;
        assert!(!shown.as_str().contains(['"', '`', '<', '>', ' ', '^', '|', '$', '(', ')', ';']), "{shown}");
    }

    #[test]
    fn a_server_without_pkce_gets_no_code() {
        let text = r#"{"issuer":"https://auth.example.com","authorization_endpoint":"https://auth.example.com/authorize"}"#;
        let server: AuthorizationServer = serde_json::from_str(text).unwrap();
        assert_eq!(request(&server).err().map(|error| error.kind()), Some(ErrorKind::Protocol));
    }
}
