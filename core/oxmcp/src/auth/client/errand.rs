use std::sync::Arc;

use super::credential::Credential;
use super::effort::Effort;
use super::tokens::Tokens;
use crate::auth::challenge::Challenge;

/// What is to be done about tokens. Two of the same are done once.
#[derive(Clone)]
pub(super) struct Errand {
    pub(super) how: How,
    /// How far to go for it.
    pub(super) effort: Effort,
    /// The tokens that were used.
    pub(super) used: Option<Arc<Credential>>,
    /// What they were refused with.
    pub(super) challenge: Option<Challenge>,
}

/// How new tokens are to be come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// By a refresh token alone: those that are used are about to expire.
    BeforeExpiry,
    /// Those that another client has got meanwhile, or else by a refresh token, or else anew.
    AsCheapAsPossible,
    /// By asking for a grant.
    Anew,
    /// By asking for a grant of more than before.
    ForMore,
}

impl Errand {
    pub(super) fn new(
        how: How,
        effort: Effort,
        used: Option<&Arc<Credential>>,
        challenge: Option<&Challenge>,
    ) -> Self {
        // What is said for people differs from one answer to the next.
        let said = |challenge: &Challenge| Challenge { error_description: None, ..challenge.clone() };
        Self { how, effort, used: used.cloned(), challenge: challenge.map(said) }
    }

    /// Whether it is done with these tokens.
    pub(super) fn is_done_with(&self, tokens: &Tokens) -> bool {
        let is_other = self.used().is_none_or(|used| !used.is(tokens));
        let more = self.challenge.as_ref().and_then(|challenge| challenge.scope.as_ref());
        let more = more.filter(|_| self.how == How::ForMore);
        is_other && more.is_none_or(|more| tokens.requested.contains_all(more))
    }

    fn used(&self) -> Option<&Tokens> {
        self.used.as_ref().map(|used| &used.tokens)
    }
}

impl PartialEq for Errand {
    fn eq(&self, other: &Self) -> bool {
        let is_same_token = match (self.used(), other.used()) {
            (Some(one), Some(other)) => one.is(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        // What is asked for does not hang on the tokens, which may be refreshed while a user is asked.
        let names_what = self.challenge.as_ref().is_some_and(|challenge| challenge.scope.is_some());
        let is_same_want = is_same_token || (self.how == How::ForMore && names_what);
        let is_same_way = self.how == other.how && self.effort == other.effort;
        is_same_way && is_same_want && self.challenge == other.challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scopes;

    fn used(access: &str) -> Arc<Credential> {
        let tokens = Tokens {
            access: access.to_owned().into(),
            refresh: None,
            expiry: None,
            scopes: Scopes::default(),
            requested: Scopes::default(),
            issuer: "https://auth.example.com".to_owned(),
            client: "me".to_owned(),
            registration: None,
            resource: "https://mcp.example.com".to_owned(),
            key: None,
        };
        Arc::new(Credential::new(tokens).unwrap())
    }

    fn errand(how: How, access: &str, scope: Option<&str>) -> Errand {
        let challenge = Challenge { scope: scope.map(Scopes::parse), ..Challenge::default() };
        Errand::new(how, Effort::Full, Some(&used(access)), Some(&challenge))
    }

    /// A user who says no says it to all who want that, whatever was refreshed meanwhile.
    #[test]
    fn those_who_want_the_same_scopes_want_the_same_whatever_tokens_they_used() {
        let more = |access, scope| errand(How::ForMore, access, Some(scope));
        assert!(more("one", "a b") == more("two", "a b"));
        assert!(more("one", "a b") != more("one", "a c"));
        assert!(errand(How::ForMore, "one", None) != errand(How::ForMore, "two", None));
        for how in [How::BeforeExpiry, How::AsCheapAsPossible, How::Anew] {
            assert!(errand(how, "one", Some("a b")) != errand(how, "two", Some("a b")));
            assert!(errand(how, "one", Some("a b")) == errand(how, "one", Some("a b")));
        }
    }
}
