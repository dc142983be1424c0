//! Authorization (2025-03-26 to 2026-07-28, authorization, and its extensions): how a client gets at servers that want it, and how a server
//! sees who asks.

mod address;
mod authorization_server;
mod challenge;
mod client;
mod confidential;
mod fetch;
mod issuer;
mod names;
mod reach;
mod resource;
mod scopes;
mod secret;
mod server;
mod signing_key;
#[cfg(test)]
mod tests;
mod words;

pub use client::{
    Authorization, Browser, Callback, ClientCredentials, Enterprise, SecretMethod, UserAgent, Visit,
    VisitError, Workload,
};
pub use scopes::Scopes;
pub use secret::Secret;
pub use server::{AuthInfo, Introspection, JwtVerifier, NotVerified, Protection, TokenVerifier, VerifierFn};
pub use signing_key::SigningKey;

pub(crate) use client::{Attempt, Authorizer, Effort, within_rest};
pub(crate) use confidential::check_confidential;
pub(crate) use secret::MIN_CONCEALED;
pub(crate) use server::Refusal;

use resource::Resource;
