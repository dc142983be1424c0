use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method, Response};
use oxmcp_proto::jsonrpc::{MethodName, RequestId};

use super::headers::DPOP_NONCE;
use super::subject::Subject;
use super::{HttpBody, reply};
use crate::auth::{AuthInfo, Protection, Refusal};
use crate::server::{Core, Session};

/// How long a token is taken after it has expired, by clocks that differ. A stream that ended before would be opened again with the same one.
const LEEWAY: Duration = Duration::from_secs(30);

/// Who makes an HTTP request, as far as the server wants to know.
#[derive(Default)]
pub(super) struct Visitor {
    admitted: Option<Admitted>,
}

/// Whoever was let in by an access token.
struct Admitted {
    protection: Protection,
    auth: Arc<AuthInfo>,
    /// Under which name sessions belong to it.
    principal: Arc<str>,
    /// What its proofs have to hold from now on.
    nonce: Option<HeaderValue>,
}

impl Visitor {
    /// Whoever it is, if the server is not protected; or whose token the request has.
    pub(super) async fn admit(
        protection: Option<&Protection>,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        let Some(protection) = protection else { return Ok(Self::default()) };
        let (auth, nonce) = protection.check(method, path, headers).await?;
        let principal = auth.principal().into();
        Ok(Self { admitted: Some(Admitted { protection: protection.clone(), auth, principal, nonce }) })
    }

    /// The header of its response that says what its proofs have to hold from now on, if there is something new to say.
    pub(super) fn nonce(&self) -> Option<HeaderValue> {
        self.admitted.as_ref()?.nonce.clone()
    }

    /// What its token says.
    pub(super) fn auth(&self) -> Option<Arc<AuthInfo>> {
        self.admitted.as_ref().map(|admitted| admitted.auth.clone())
    }

    /// Ends a stream that is there for listening when the token is no longer good: who still listens then comes back with another.
    pub(super) fn limit(&self, stream: &mut Response<HttpBody>) {
        let expiry = self.admitted.as_ref().and_then(|admitted| admitted.auth.expires_at);
        if let Some(at) = expiry {
            let rest = at.duration_since(SystemTime::now()).unwrap_or_default();
            stream.body_mut().end_after(rest + LEEWAY);
        }
    }

    /// Makes a new session its own: nobody else gets into it, whoever knows its id.
    pub(super) fn own(&self, session: &Session) {
        if let Some(admitted) = &self.admitted {
            // It is opened once.
            let _ = session.principal.set(admitted.principal.clone());
        }
    }

    /// Whether a session is its own.
    pub(super) fn owns(&self, session: &Session) -> bool {
        session.principal.get() == self.admitted.as_ref().map(|admitted| &admitted.principal)
    }

    /// Whether its token is good for a request: tools may need more than the server does.
    pub(super) fn may_ask(
        &self,
        core: &Core,
        method: &MethodName,
        subject: &Subject<'_>,
    ) -> Result<(), Refusal> {
        let (Some(admitted), MethodName::Known(oxmcp_proto::Method::CallTool)) = (&self.admitted, method)
        else {
            return Ok(());
        };
        // A call that names no tool is refused for that.
        let Ok(Some(tool)) = subject.member("name") else { return Ok(()) };
        match core.tool_scopes(&tool) {
            Some(needed) if !admitted.auth.scopes.contains_all(&needed) => {
                Err(admitted.protection.insufficient(&admitted.auth, &needed))
            }
            _ => Ok(()),
        }
    }
}

/// The response to a request that is not let in.
pub(super) fn refused(refusal: &Refusal, id: Option<&RequestId>) -> Response<HttpBody> {
    let (status, challenge) = refusal.parts();
    let mut response = reply::invalid(status, id, refusal.words());
    if let Some(challenge) = challenge {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(nonce) = refusal.nonce() {
        response.headers_mut().insert(DPOP_NONCE, nonce.clone());
    }
    response
}
