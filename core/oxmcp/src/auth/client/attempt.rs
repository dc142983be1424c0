use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::authorizer::Authorizer;
use super::credential::Credential;
use super::dpop::{DPOP, Proof};
use super::effort::Effort;
use super::errand::{Errand, How};
use super::renewal::Renewed;
use crate::Result;
use crate::auth::challenge::Challenge;

/// How often one request asks for more than the client was granted (2026-07-28, authorization, "Step-Up Authorization Flow").
const MAX_STEP_UPS: u8 = 2;

/// How often one request is sent again with a nonce that the server has just given.
const MAX_NONCES: u8 = 2;

/// How often one request is sent again with tokens that another client has got. They may be of no more use than those before, but each time
/// somebody has got new ones.
const MAX_ADOPTIONS: u8 = 8;

/// One request on its way to being authorized: sent, refused, and sent again with something better, as long as there is something better.
pub(crate) struct Attempt<'a> {
    authorizer: &'a Authorizer,
    effort: Effort,
    used: Option<Arc<Credential>>,
    proof: Option<Proof>,
    renewed: Option<Renewed>,
    step_ups: u8,
    nonces: u8,
    adoptions: u8,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(authorizer: &'a Authorizer, effort: Effort) -> Self {
        Self {
            authorizer,
            effort,
            used: None,
            proof: None,
            renewed: None,
            step_ups: 0,
            nonces: 0,
            adoptions: 0,
        }
    }

    /// Adds to a request what shows that the client is authorized, if it is.
    pub(crate) async fn sign(&mut self, method: &Method, url: &Url, headers: &mut HeaderMap) -> Result<()> {
        self.used = match self.effort {
            Effort::AsIs => self.authorizer.at_hand(),
            Effort::Full | Effort::Quiet => self.authorizer.credential().await?,
        };
        self.proof = None;
        let Some(used) = &self.used else { return Ok(()) };
        headers.insert(AUTHORIZATION, used.header.clone());
        if let Some(key) = &used.tokens.key {
            let proof = key.prove(method, url, Some(&used.tokens.access))?;
            headers.insert(DPOP, proof.header.clone());
            self.proof = Some(proof);
        }
        Ok(())
    }

    /// Looks at an answer. Whether to send the request again: something has changed since.
    ///
    /// # Errors
    ///
    /// Why the client could not be authorized.
    pub(crate) async fn answered(
        &mut self,
        url: &Url,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<bool> {
        let key = self.used.as_ref().and_then(|used| used.tokens.key.as_ref());
        let has_new_nonce =
            key.zip(self.proof.as_ref()).is_some_and(|(key, proof)| key.note_nonce(url, headers, proof));
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(false);
        }
        let used = self.used.as_ref().map(|_| if key.is_some() { "DPoP" } else { "Bearer" });
        let challenge = Challenge::find(headers, used);
        let error = challenge.as_ref().and_then(|challenge| challenge.error.as_deref());
        if error == Some("use_dpop_nonce") && has_new_nonce {
            self.nonces += 1;
            return Ok(self.nonces <= MAX_NONCES);
        }
        if self.effort == Effort::AsIs {
            return Ok(false);
        }
        let how = match (status, error) {
            (StatusCode::FORBIDDEN, Some("insufficient_scope")) => {
                // Whoever has asked for all of it was not granted it, and would not be the next time.
                let asks_for_more = challenge.as_ref().is_some_and(|challenge| self.lacks(challenge));
                if self.step_ups >= MAX_STEP_UPS || !asks_for_more {
                    return Ok(false);
                }
                How::ForMore
            }
            (StatusCode::FORBIDDEN, _) => return Ok(false),
            _ => match self.renewed {
                None => How::AsCheapAsPossible,
                // It may have expired as well, but whoever got it can refresh it.
                Some(Renewed::Adopted) => How::AsCheapAsPossible,
                // What was refreshed is not good enough.
                Some(Renewed::Refreshed) => How::Anew,
                Some(Renewed::Granted) => return Ok(false),
            },
        };
        if self.adoptions >= MAX_ADOPTIONS {
            return Ok(false);
        }
        let errand = Errand::new(how, self.effort, self.used.as_ref(), challenge.as_ref());
        let renewed = self.authorizer.run(errand).await;
        if renewed.is_err() && self.effort == Effort::Quiet {
            self.authorizer.note_refused(self.used.clone());
        }
        let renewed = renewed?;
        match renewed {
            Renewed::Adopted => self.adoptions += 1,
            Renewed::Granted if how == How::ForMore => self.step_ups += 1,
            Renewed::Refreshed | Renewed::Granted => {}
        }
        self.renewed = Some(renewed);
        Ok(true)
    }

    /// Hands over what was sent, or is sent by now, that nobody else must see.
    pub(crate) fn secrets(&self, mut take: impl FnMut(&str)) {
        for sent in self.used.iter().chain(&self.authorizer.at_hand()) {
            take(sent.tokens.access.expose());
        }
        if let Some(proof) = self.proof.as_ref().and_then(|proof| proof.header.to_str().ok()) {
            take(proof);
        }
    }

    fn lacks(&self, challenge: &Challenge) -> bool {
        let wanted = challenge.scope.as_ref();
        let Some(used) = &self.used else { return true };
        wanted.is_some_and(|wanted| !used.tokens.requested.contains_all(wanted))
    }
}
