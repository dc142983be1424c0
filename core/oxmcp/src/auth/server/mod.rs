//! The server's side: whose tokens it takes, what they have to be good for, and what it says to who has none.

mod auth_info;
mod binding;
mod custom;
mod dpop;
mod dpop_nonces;
mod flights;
mod introspection;
mod introspection_endpoint;
mod jwks;
mod jwt;
mod metadata;
mod protection;
mod refusal;
mod replays;
mod troubles;
mod verifier;

pub use auth_info::AuthInfo;
pub use custom::VerifierFn;
pub use introspection::Introspection;
pub use jwt::JwtVerifier;
pub use protection::Protection;
pub use verifier::{NotVerified, TokenVerifier};

pub(crate) use refusal::Refusal;

pub(super) use dpop::ALGS;
