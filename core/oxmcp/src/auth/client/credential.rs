use http::HeaderValue;

use super::tokens::Tokens;
use crate::{Error, Result};

/// Tokens, ready to be sent.
pub(super) struct Credential {
    pub(super) tokens: Tokens,
    pub(super) header: HeaderValue,
}

impl Credential {
    pub(super) fn new(tokens: Tokens) -> Result<Self> {
        let scheme = if tokens.key.is_some() { "DPoP" } else { "Bearer" };
        let header = HeaderValue::try_from(format!("{scheme} {}", tokens.access.expose()));
        let mut header = header
            .map_err(|_| Error::protocol("the authorization server issued a token that cannot be sent"))?;
        header.set_sensitive(true);
        Ok(Self { tokens, header })
    }
}
