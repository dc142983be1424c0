//! Asking the client for input: one API on both eras.
//!
//! In a session of the handshake era a question is a request to the client. In the stateless era it is a round (2026-07-28, patterns,
//! MRTR): the request is answered with what the handler asks, and the client sends it again with the answers; the handler
//! runs from the start and finds them.

mod ask;
mod declared;
mod digest;
mod elicit;
mod error;
mod form;
#[cfg(fuzzing)]
pub mod fuzzing;
mod page;
mod question;
mod roots;
mod rounds;
mod sample;
mod seal;
mod state;
mod state_key;
mod step;

pub use declared::{Ask, Asked, Input, ListRoots, OfAnswers, OfAnswersAndContext, OptionalElicit, ask};
pub use elicit::{Confirmed, Elicit, Elicited};
pub use error::{InputError, InputErrorKind};
pub use page::Visiting;
pub use sample::Sample;
pub use state_key::StateKey;

pub(super) use ask::run;
pub(super) use error::rpc_of;
pub(super) use question::write_input_requests;
pub(super) use rounds::Rounds;
pub(super) use seal::Seal;
