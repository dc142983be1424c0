//! The client's side: who grants access to a server, how the client is known there, and the flows that end in tokens.

mod at_work;
mod attempt;
mod authorization;
mod authorization_code;
mod authorizer;
mod binding;
mod browser;
mod client_credentials;
mod code_request;
mod credential;
mod credentials;
mod dpop;
mod effort;
mod enterprise;
mod errand;
mod flights;
mod grant;
mod grantor;
mod introduction;
mod keeper;
mod pkce;
mod protected_resource;
mod refresh;
mod registration;
mod registrations;
mod renewal;
mod secret_method;
mod settled;
mod token_endpoint;
mod tokens;
mod user_agent;
mod wallet;
mod workload;

pub use authorization::Authorization;
pub use browser::Browser;
pub use credentials::ClientCredentials;
pub use enterprise::Enterprise;
pub use secret_method::SecretMethod;
pub use user_agent::{Callback, UserAgent, Visit, VisitError};
pub use workload::Workload;

pub(crate) use at_work::within_rest;
pub(crate) use attempt::Attempt;
pub(crate) use authorizer::Authorizer;
pub(crate) use effort::Effort;
