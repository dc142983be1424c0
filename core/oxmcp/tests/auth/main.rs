//! Clients of servers that want authorization, before authorization servers that do what they are told, and worse.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod answers;
mod asking;
mod assumed;
mod background;
mod bound;
mod browser;
mod cancelled;
mod code_flow;
mod diagnosis;
mod discovery;
mod grantor;
mod hostile;
mod in_the_clear;
mod issuers;
mod listener;
mod panics;
mod patience;
mod resource;
mod scopes;
mod scripted_tokens;
mod secrecy;
mod single_flight;
mod sse;
mod tenants;
mod unsaved;
mod user;
mod visits;
