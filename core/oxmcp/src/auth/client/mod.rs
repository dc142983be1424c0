//! The client's side: who grants access to a server, how the client is known there, and the flows that end in tokens.

mod attempt;
mod authorization;
mod authorization_code;
mod authorizer;
mod browser;
mod credentials;
mod dpop;
mod enterprise;
mod grant;
mod pkce;
mod protected_resource;
mod registration;
mod token_endpoint;
mod tokens;
mod user_agent;
mod workload;

pub use authorization::Authorization;
pub use browser::Browser;
pub use credentials::ClientCredentials;
pub use enterprise::Enterprise;
pub use user_agent::{Callback, UserAgent, Visit, VisitError};
pub use workload::Workload;

pub(crate) use authorizer::{Authorizer, within_rest};
