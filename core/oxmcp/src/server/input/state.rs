use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::seal::{Seal, SealError};

/// What a client carries, sealed, from one round of a request to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// The rounds that were asked so far.
    pub(super) rounds: u32,
    /// The answers so far, by the keys of their questions.
    pub(super) answers: BTreeMap<String, Answer>,
    /// What was asked in the last round.
    pub(super) asked: BTreeMap<String, Digest>,
    /// The results of [`Context::step`](crate::Context::step) so far.
    pub(super) steps: BTreeMap<String, RawJson>,
}

/// An answer, and the question it was given to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) question: Digest,
    pub(super) result: RawJson,
}

/// The request that a state belongs to. Presented with another it is void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    /// The method and the parameters.
    pub(super) request: Digest,
    /// Who sends it, as authorization found out; nobody in particular without.
    pub(super) principal: Option<String>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Payload<S> {
    /// Seconds since 1970 from which on it is void.
    expires: u64,
    binding: Binding,
    state: S,
}

impl State {
    /// Seals the state for the client to carry. `bytes` is how long the text may be, `age` how long it is good.
    pub(super) fn seal(
        &self,
        seal: &Seal,
        binding: &Binding,
        age: Duration,
        bytes: usize,
    ) -> Result<String, ErrorObject> {
        let expires = now().saturating_add(age.as_secs().max(1));
        let payload = Payload { expires, binding: binding.clone(), state: self };
        let sealed = serde_json::to_vec(&payload).map_err(|error| error.to_string());
        let sealed = sealed.and_then(|text| seal.seal(&text).map_err(|error| error.to_string()));
        match sealed {
            Ok(sealed) if sealed.len() <= bytes => Ok(sealed),
            Ok(sealed) => Err(ErrorObject::internal(format!(
                "the request's answers and steps so far make a requestState of {} bytes, and {bytes} are allowed",
                sealed.len()
            ))),
            Err(why) => Err(ErrorObject::internal(format!("requestState cannot be made: {why}"))),
        }
    }

    /// Opens what a client brings back.
    pub(super) fn open(
        sealed: &str,
        seal: &Seal,
        binding: &Binding,
        bytes: usize,
    ) -> Result<Self, ErrorObject> {
        Self::open_at(sealed, seal, binding, bytes, now())
    }

    fn open_at(
        sealed: &str,
        seal: &Seal,
        binding: &Binding,
        bytes: usize,
        now: u64,
    ) -> Result<Self, ErrorObject> {
        if sealed.len() > bytes {
            return Err(void("it is longer than any that this server makes"));
        }
        let text = match seal.open(sealed) {
            Ok(text) => text,
            Err(why @ SealError::Broken) => return Err(void(&why.to_string())),
            Err(why) => return Err(ErrorObject::internal(format!("requestState cannot be read: {why}"))),
        };
        let payload: Payload<Self> =
            serde_json::from_slice(&text).map_err(|_| void("another version of this server made it"))?;
        if payload.binding.principal != binding.principal {
            return Err(void("it was made for somebody else"));
        }
        if payload.binding.request != binding.request {
            return Err(void("it belongs to a request with another method or other parameters"));
        }
        if payload.expires <= now {
            return Err(void("it has expired"));
        }
        Ok(payload.state)
    }
}

/// The error for a state that is not good for this request (2026-07-28, patterns, MRTR, "Server Requirements").
fn void(why: &str) -> ErrorObject {
    ErrorObject::invalid_params(format!(
        "the requestState is void: {why}; send the request again without requestState and inputResponses"
    ))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const BYTES: usize = 4096;

    fn binding(tool: &str, principal: Option<&str>) -> Binding {
        let request = Digest::of_request("tools/call", json!({"name": tool}));
        Binding { request, principal: principal.map(str::to_owned) }
    }

    fn state() -> State {
        let question = Digest::of("elicitation/create", &json!({"message": "sure?"}));
        let result = RawJson::of(&json!({"action": "accept"})).unwrap();
        State {
            rounds: 3,
            answers: [("a".to_owned(), Answer { question: question.clone(), result })].into(),
            asked: [("b".to_owned(), question)].into(),
            steps: [("s".to_owned(), RawJson::of(&json!([1, "x"])).unwrap())].into(),
        }
    }

    #[test]
    fn a_state_comes_back_as_it_was() {
        let (seal, binding) = (Seal::default(), binding("rm", Some("ann")));
        let sealed = state().seal(&seal, &binding, Duration::from_secs(60), BYTES).unwrap();
        let opened = State::open(&sealed, &seal, &binding, BYTES).unwrap();
        assert_eq!(serde_json::to_value(&opened).unwrap(), serde_json::to_value(state()).unwrap());
    }

    #[test]
    fn a_state_is_void_with_another_request_or_person_or_key_or_when_it_is_old() {
        let seal = Seal::default();
        let mine = binding("rm", Some("ann"));
        let sealed = state().seal(&seal, &mine, Duration::from_secs(60), BYTES).unwrap();
        let refused = |seal: &Seal, binding: &Binding, now: u64| {
            let error = State::open_at(&sealed, seal, binding, BYTES, now).unwrap_err();
            assert_eq!(error.code, -32602, "{error}");
            error.message
        };
        assert!(refused(&seal, &binding("ls", Some("ann")), now()).contains("other parameters"));
        assert!(refused(&seal, &binding("rm", Some("bob")), now()).contains("somebody else"));
        assert!(refused(&seal, &binding("rm", None), now()).contains("somebody else"));
        assert!(refused(&seal, &mine, now() + 61).contains("expired"));
        assert!(refused(&Seal::default(), &mine, now()).contains("as this server made it"));
        let long = State::open(&"x".repeat(BYTES + 1), &seal, &mine, BYTES).unwrap_err();
        assert!(long.message.contains("longer"), "{long}");
    }

    #[test]
    fn a_state_that_is_too_long_is_not_made() {
        let error =
            state().seal(&Seal::default(), &binding("rm", None), Duration::from_secs(60), 64).unwrap_err();
        assert_eq!(error.code, -32603);
        assert!(error.message.contains("64"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_that_a_client_makes_up_is_a_state(text: String) {
            let error = State::open(&text, &Seal::default(), &binding("rm", None), BYTES).unwrap_err();
            prop_assert_eq!(error.code, -32602);
        }

        #[test]
        fn no_payload_of_another_shape_is_a_state(payload: Vec<u8>) {
            let seal = Seal::default();
            let sealed = seal.seal(&payload).unwrap();
            prop_assert!(State::open(&sealed, &seal, &binding("rm", None), BYTES).is_err());
        }
    }
}
