//! What it takes to try authorization for real: an [authorization server](Provider) that is not of this project, a
//! [resource server](Files) and a [user](Person) who are.

mod files;
mod person;
mod provider;
mod web;

pub use files::Files;
pub use person::Person;
pub use provider::{Format, Plan, Provider};
pub use web::{Answer, Web};
