use std::collections::BTreeMap;
use std::sync::LazyLock;

use oxmcp_proto::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What the official package knows of the protocol.
#[derive(Deserialize)]
pub(crate) struct Spec {
    pub(crate) methods: Vec<SpecMethod>,
    /// Methods whose results may be cached.
    pub(crate) cacheable: Vec<String>,
    /// Methods that may be answered with `input_required`.
    pub(crate) may_require_input: Vec<String>,
    pub(crate) types: Vec<SpecType>,
}

/// That a side sends a method in a revision.
#[derive(Debug, Deserialize)]
pub(crate) struct SpecMethod {
    pub(crate) revision: ProtocolVersion,
    pub(crate) method: String,
    pub(crate) sender: SpecSender,
    pub(crate) kind: SpecKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SpecSender {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SpecKind {
    Request,
    Notification,
    /// A request inside of an answer.
    Input,
}

/// A type as a revision has it.
#[derive(Debug, Deserialize)]
pub(crate) struct SpecType {
    pub(crate) revision: ProtocolVersion,
    #[serde(rename = "type")]
    pub(crate) name: String,
    /// A value with the members that it must have.
    pub(crate) required: Map<String, Value>,
    /// All members, with values of every form that they may have.
    pub(crate) members: BTreeMap<String, Vec<Value>>,
}

/// The variable that says where `spec.py` has written.
const FILE: &str = "OXMCP_PARITY_SPEC";

/// What `spec.py` has written.
pub(crate) static SPEC: LazyLock<Spec> = LazyLock::new(|| {
    let file = std::env::var(FILE).unwrap_or_else(|_| {
        panic!("{FILE} is not set; run `cargo xtask test --part interop --only rust`, which sets it")
    });
    let json = std::fs::read(&file).unwrap_or_else(|error| panic!("cannot read {file}: {error}"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("cannot understand {file}: {error}"))
});
