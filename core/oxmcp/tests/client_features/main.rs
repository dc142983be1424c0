//! What a client does with what its server asks and tells, against a server that a test writes by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
mod elicitation;
mod hosted_tasks;
mod lists;
mod logging;
mod output;
mod peer;
mod roots;
mod round_trip;
mod rounds;
mod sampling;
mod subscriptions;
mod tasks;
mod visits;
