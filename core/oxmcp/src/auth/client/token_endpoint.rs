use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::credentials::ClientCredentials;
use super::dpop::{DPOP, DpopKey, Proof};
use super::tokens::{TokenResponse, Tokens, Wanted};
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::{Fetch, Fetched, shown};
use crate::auth::words::printable;
use crate::auth::{MIN_CONCEALED, Secret};
use crate::{Error, ErrorKind};

/// The parameters of requests that are no secrets.
const OPEN: [&str; 9] = [
    "grant_type",
    "client_id",
    "client_assertion_type",
    "redirect_uri",
    "resource",
    "scope",
    "audience",
    "requested_token_type",
    "subject_token_type",
];

/// How a server says that it does not know the client (RFC 6749, section 5.2).
pub(super) const INVALID_CLIENT: &str = "invalid_client";

/// How it says that a code, or a refresh token, is no good.
pub(super) const INVALID_GRANT: &str = "invalid_grant";

/// How it says that it wants the nonce that it has just given in a proof of possession (RFC 9449, section 8).
const USE_DPOP_NONCE: &str = "use_dpop_nonce";

/// What says nothing of the grant: another try may fare better.
const PASSING: [&str; 3] = ["temporarily_unavailable", "server_error", "slow_down"];

/// What is wrong with the request alone.
const NOT_OF_THE_GRANT: [&str; 3] = [INVALID_CLIENT, USE_DPOP_NONCE, "invalid_dpop_proof"];

/// Why a token endpoint gave no token.
#[derive(Debug)]
pub(super) enum NoToken {
    /// It refused, with one of OAuth's codes (RFC 6749, section 5.2).
    Refused { status: StatusCode, endpoint: String, code: String, words: String },
    /// It could not be asked, or did not answer as it should.
    Failed(Error),
}

impl NoToken {
    /// Whether the server refused with this code. What comes with another status than those of refusals is of somebody in front of it.
    pub(super) fn is(&self, wanted: &str) -> bool {
        self.refusal().is_some_and(|code| code == wanted)
    }

    /// Whether the server refused the grant, and would do so again.
    pub(super) fn is_of_the_grant(&self) -> bool {
        self.refusal().is_some_and(|code| !NOT_OF_THE_GRANT.contains(&code))
    }

    fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused {
                status: StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::OK,
                code,
                ..
            } => Some(code),
            Self::Refused { .. } | Self::Failed(_) => None,
        }
    }

    /// The same for people: what the server says is without `secrets`, and not longer than they read.
    fn without(self, secrets: &[&str]) -> Self {
        let conceal =
            |said: String| secrets.iter().fold(said, |said, secret| said.replace(secret, "(concealed)"));
        match self {
            Self::Refused { status, endpoint, code, words } => {
                let (code, words) = (printable(&conceal(code)), printable(&conceal(words)));
                Self::Refused { status, endpoint, code, words }
            }
            Self::Failed(error) => Self::Failed(error),
        }
    }

    /// The same, if it is of a server that may be none of OAuth's.
    fn doubted(self, server: &AuthorizationServer) -> Self {
        match self {
            Self::Failed(error) if server.is_assumed() && error.kind() == ErrorKind::Protocol => {
                Self::Failed(Error::protocol(format!("{error}{}", server.doubt())))
            }
            other => other,
        }
    }
}

impl From<Error> for NoToken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<NoToken> for Error {
    fn from(failure: NoToken) -> Self {
        failure.of("authorization server")
    }
}

impl NoToken {
    /// The failure of a server of that kind, as users are told it.
    pub(super) fn of(self, server: &str) -> Error {
        match self {
            NoToken::Refused { endpoint, code, words, .. } => {
                let words = if words.is_empty() { words } else { format!(" ({words})") };
                let hint = match code.as_str() {
                    INVALID_CLIENT => "; it does not know the client, or not by these credentials",
                    _ => "",
                };
                let message =
                    format!("the {server} refused to issue a token at {endpoint}: {code}{words}{hint}");
                Error::new(ErrorKind::Unauthorized, message)
            }
            NoToken::Failed(error) => error,
        }
    }
}

/// An endpoint that issues tokens, and the client that asks it.
pub(super) struct TokenEndpoint<'a> {
    pub(super) fetch: &'a Fetch,
    pub(super) server: &'a AuthorizationServer,
    /// `None` asks as nobody.
    pub(super) client: Option<&'a ClientCredentials>,
}

impl TokenEndpoint<'_> {
    /// Asks for tokens with a grant: `grant_type` and its parameters. The resource and the scopes that are wanted go along, the latter if
    /// `names_scopes`: a code stands for them already.
    pub(super) async fn ask(
        &self,
        wanted: &Wanted,
        names_scopes: bool,
        grant: Vec<(&'static str, String)>,
    ) -> Result<Tokens, NoToken> {
        let mut form = grant;
        form.push(("resource", wanted.resource.clone()));
        if names_scopes && !wanted.scopes.is_empty() {
            form.push(("scope", wanted.scopes.to_string()));
        }
        let response = self.post(self.server.token_endpoint()?, form, wanted.key.as_ref()).await;
        let response = response.map_err(|failure| failure.doubted(self.server))?;
        let client = self.client.map(ClientCredentials::id).unwrap_or_default();
        Ok(wanted.granted(client, response)?)
    }

    /// Asks as [`ask`](Self::ask) does, for something that is no access token.
    pub(super) async fn post(
        &self,
        url: &Url,
        mut form: Vec<(&'static str, String)>,
        key: Option<&DpopKey>,
    ) -> Result<TokenResponse, NoToken> {
        let mut headers = HeaderMap::new();
        if let Some(client) = self.client {
            client.authenticate(self.server, &mut headers, &mut form)?;
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let basic = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split(' ').next_back());
        let basic = basic.map(str::to_owned);
        let posted = self.post_bound(url, headers, &form, key).await;
        // Some servers repeat what they do not like.
        posted.map_err(|(failure, proof)| {
            let proof = proof.as_ref().and_then(|proof| proof.header.to_str().ok());
            let secrets: Vec<_> = self.secrets(&form, basic.as_deref()).into_iter().chain(proof).collect();
            failure.without(&secrets)
        })
    }

    /// A failure comes with the proof that was sent.
    async fn post_bound(
        &self,
        url: &Url,
        headers: HeaderMap,
        form: &[(&str, &str)],
        key: Option<&DpopKey>,
    ) -> Result<TokenResponse, (NoToken, Option<Proof>)> {
        let failed = |error: Error| (NoToken::from(error), None);
        let Some(key) = key else {
            let answer = self.fetch.post_form(url, headers, form).await.map_err(failed)?;
            return read(url, answer).map_err(|failure| (failure, None));
        };
        for is_last in [false, true] {
            let mut headers = headers.clone();
            let proof = key.prove(&Method::POST, url, None).map_err(failed)?;
            headers.insert(DPOP, proof.header.clone());
            let answer = self.fetch.post_form(url, headers, form).await.map_err(failed)?;
            let is_new = key.note_nonce(url, &answer.headers, &proof);
            match read(url, answer) {
                // A grant that was refused for its proof is not used up (RFC 9449, section 8).
                Err(NoToken::Refused { code, .. }) if code == USE_DPOP_NONCE && is_new && !is_last => {}
                answer => return answer.map_err(|failure| (failure, Some(proof))),
            }
        }
        unreachable!("the last round answers")
    }

    /// What was sent that nobody else must see.
    fn secrets<'b>(&'b self, form: &[(&'b str, &'b str)], basic: Option<&'b str>) -> Vec<&'b str> {
        let secret = self.client.and_then(|client| client.parts().0);
        let sent = form.iter().filter(|(name, _)| !OPEN.contains(name)).map(|(_, value)| *value);
        sent.chain(secret.map(Secret::expose))
            .chain(basic)
            .filter(|secret| secret.len() >= MIN_CONCEALED)
            .collect()
    }
}

fn read(url: &Url, answer: Fetched) -> Result<TokenResponse, NoToken> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        error_description: Option<String>,
    }
    if answer.status == StatusCode::OK
        && let Some(response) = answer.json()
    {
        return Ok(response);
    }
    let refusal = answer.json::<Refusal>();
    let is_passing = refusal.as_ref().is_some_and(|refusal| PASSING.contains(&refusal.error.as_str()));
    // A server that is in trouble says nothing of the grant, whatever it says. Some refuse with 200.
    let trouble = match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Some(ErrorKind::Overloaded),
        StatusCode::REQUEST_TIMEOUT => Some(ErrorKind::Connect),
        status if status.is_server_error() => Some(ErrorKind::Connect),
        status if !status.is_client_error() && status != StatusCode::OK => Some(ErrorKind::Protocol),
        _ if is_passing => Some(ErrorKind::Overloaded),
        _ => None,
    };
    match (refusal, trouble) {
        (Some(Refusal { error, error_description }), None) => {
            let words = error_description.unwrap_or_default();
            Err(NoToken::Refused { status: answer.status, endpoint: shown(url), code: error, words })
        }
        (_, trouble) => {
            let message = format!("{} answered with HTTP {} instead of a token", shown(url), answer.status);
            Err(Error::new(trouble.unwrap_or(ErrorKind::Protocol), message).into())
        }
    }
}
