//! Authorization, as configurations have it.

mod auth_info;
mod authorization;
mod credentials;
mod protection;
mod shaped;
mod tokens;

pub(crate) use auth_info::describe;
pub(crate) use authorization::AuthorizationConfig;
pub(crate) use protection::ProtectionConfig;
pub(crate) use shaped::{SecretText, Shaped};
