//! `requestState`, for the fuzz targets.

#![allow(missing_docs, reason = "nobody but the fuzz targets sees it")]

use std::time::Duration;

use serde_json::json;

use super::digest::Digest;
use super::seal::Seal;
use super::state::{Binding, State};
use super::state_key::StateKey;

const BYTES: usize = 64 << 10;

/// A server's key, and a request.
pub struct Server {
    seal: Seal,
    binding: Binding,
}

impl Default for Server {
    fn default() -> Self {
        let seal = Seal::with(StateKey::from_secret(&[7; 32]));
        let request = Digest::of_request("tools/call", json!({"name": "fuzz"}));
        Self { seal, binding: Binding { request, principal: None } }
    }
}

impl Server {
    /// A state as a client gets it.
    pub fn make(&self) -> Option<String> {
        State::default().seal(&self.seal, &self.binding, Duration::from_secs(3600), BYTES).ok()
    }

    /// Seals what is no state, as a server of another version might.
    pub fn seal(&self, text: &[u8]) -> Option<String> {
        self.seal.seal(text).ok()
    }

    /// Whether it takes what a client brings.
    pub fn takes(&self, state: &str) -> bool {
        State::open(state, &self.seal, &self.binding, BYTES).is_ok()
    }
}
