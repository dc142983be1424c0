/// How a client uses its secret to show an authorization server who it is (OpenID Connect Core, section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretMethod {
    /// It is sent in a header (`client_secret_basic`).
    Basic,
    /// It is sent among the parameters (`client_secret_post`).
    Post,
    /// It is not sent: it signs what the client says of itself, with `HS256` (`client_secret_jwt`; RFC 7523, section 2.2).
    Jwt,
}

impl SecretMethod {
    /// In the order in which they are chosen from what a server takes.
    pub(super) const ALL: [Self; 3] = [Self::Basic, Self::Post, Self::Jwt];

    /// What metadata calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::Jwt => "client_secret_jwt",
        }
    }
}
