//! What holds however many calls there are and whatever becomes of them: every one settles, none is left, and none is in another's way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod breaks;
mod cancellation;
mod crowd;
mod patience;
mod restarts;
mod rolling;
mod schemas;
mod tally;
