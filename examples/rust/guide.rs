//! The guide to oxmcp for Rust. It is here so that its code runs with the tests.
#![doc = include_str!("../../docs/rust.md")]

#[doc = include_str!("../../docs/authorization.md")]
pub mod authorization {}

pub mod grantor;
