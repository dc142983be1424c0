use http::{HeaderValue, StatusCode};

use crate::auth::Scopes;
use crate::auth::challenge::Challenge;

/// Why a request is not let in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// With HTTP 401: there is no token, or none that is good.
    Unauthorized(Challenge),
    /// With HTTP 401: the proof has to hold this nonce (RFC 9449, section 9).
    WantsNonce(Box<Challenge>, HeaderValue),
    /// With HTTP 403: the token is good, but not for this.
    Forbidden(Challenge),
    /// With HTTP 400: the request asks in a way that nobody can answer.
    Malformed(&'static str),
    /// With HTTP 503: nobody can say whether the token is good.
    Unavailable,
}

impl Refusal {
    /// The status and the headers of the response.
    pub(crate) fn parts(&self) -> (StatusCode, Option<HeaderValue>) {
        match self {
            Self::Unauthorized(challenge) => (StatusCode::UNAUTHORIZED, Some(challenge.to_header())),
            Self::WantsNonce(challenge, _) => (StatusCode::UNAUTHORIZED, Some(challenge.to_header())),
            Self::Forbidden(challenge) => (StatusCode::FORBIDDEN, Some(challenge.to_header())),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, None),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, None),
        }
    }

    /// The nonce that the next proof has to hold, if that is what is wrong.
    pub(crate) fn nonce(&self) -> Option<&HeaderValue> {
        match self {
            Self::WantsNonce(_, nonce) => Some(nonce),
            _ => None,
        }
    }

    /// What is wrong, for people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Unauthorized(Challenge { error_description: Some(why), .. }) => {
                format!("unauthorized: the access token is not taken: {why}")
            }
            Self::Unauthorized(_) => "unauthorized: the request has no access token".to_owned(),
            Self::WantsNonce(..) => "unauthorized: the proof has to hold the nonce in DPoP-Nonce".to_owned(),
            Self::Forbidden(challenge) => {
                let scopes = challenge.scope.as_ref().map(Scopes::to_string).unwrap_or_default();
                format!("forbidden: the access token is not good for this, which needs the scopes {scopes:?}")
            }
            Self::Malformed(what) => (*what).to_owned(),
            Self::Unavailable => "access tokens cannot be checked now; try again later".to_owned(),
        }
    }
}
