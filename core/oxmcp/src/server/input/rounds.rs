use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject, write_json_string};

use super::digest::Digest;
use super::question::{Question, write_input_requests};
use super::state::{Answer, Binding, State};
use super::{InputError, InputErrorKind};
use crate::server::Core;
use crate::server::incoming::{Incoming, Retry, invalid_params};
use crate::server::result::Own;
use crate::{Limits, Method};

/// The inputs of one request of the stateless era, over all its rounds (2026-07-28, patterns, MRTR).
///
/// A handler that asks nothing costs an atomic swap, and its task's waker is noted each time it waits: everything else is made when the
/// first question or step comes.
#[derive(Debug)]
pub(in crate::server) struct Rounds {
    /// The method of the request; none if it is one that cannot be answered with a question.
    method: Option<Method>,
    phase: AtomicU8,
    /// The task that polls the handler. Questions may be asked in another.
    handler: AtomicWaker,
    round: Mutex<Option<Box<Round>>>,
}

/// Something is asked that has no answer. Before, the phase is 0.
const ASKING: u8 = 1;
/// The request is answered; nothing can be asked any more.
const OVER: u8 = 2;

/// One run of the handler.
#[derive(Debug, Default)]
struct Round {
    /// What came with the request; of this run only the steps are added.
    state: State,
    /// Answers that came without a state that says to which questions.
    unasked: BTreeMap<String, RawJson>,
    /// The keys of the questions of this run.
    keys: BTreeSet<String>,
    asked: Vec<Asked>,
    /// The steps of this run by name, and how many of them are not done.
    steps: BTreeSet<String>,
    running: usize,
}

/// A question that waits for its answer.
#[derive(Debug)]
struct Asked {
    key: String,
    digest: Digest,
    question: Question,
    waker: Waker,
}

/// What becomes of a question when it is asked.
pub(super) enum Turn {
    /// Its answer is there.
    Answered(RawJson),
    /// It goes out, under this key.
    Asked(String),
}

impl Rounds {
    /// Those of a request whose first round this is.
    pub(in crate::server) fn of(method: Method) -> Self {
        Self::new(Some(method), None)
    }

    /// None at all: 2026-07-28 lets few methods ask (patterns, MRTR, "Supported Requests").
    pub(in crate::server) fn none() -> Self {
        Self::new(None, None)
    }

    fn new(method: Option<Method>, round: Option<Box<Round>>) -> Self {
        Self { method, phase: AtomicU8::new(0), handler: AtomicWaker::new(), round: Mutex::new(round) }
    }

    /// Takes up a request where its last round left it.
    pub(in crate::server) fn resume(
        core: &Core,
        method: Method,
        incoming: &Incoming,
        retry: &Retry,
    ) -> Result<Self, ErrorObject> {
        let mut unasked = BTreeMap::new();
        if let Some(responses) = &retry.responses {
            let members: RawObject<'_> = responses.to().map_err(|error| {
                ErrorObject::invalid_params(format!("inputResponses is not an object of answers: {error}"))
            })?;
            unasked.extend(
                members.0.into_iter().map(|(key, answer)| (key.into_owned(), responses.part(answer))),
            );
        }
        let state = match &retry.state {
            Some(sealed) => {
                let sealed: std::borrow::Cow<'_, str> = sealed.to().map_err(|error| {
                    ErrorObject::invalid_params(format!("requestState is not a string: {error}"))
                })?;
                let binding = binding(method, incoming)?;
                let mut state = State::open(&sealed, &core.seal, &binding, core.limits.input_state_bytes)?;
                for (key, question) in std::mem::take(&mut state.asked) {
                    if let Some(result) = unasked.remove(&key) {
                        state.answers.insert(key, Answer { question, result });
                    }
                }
                state
            }
            None => State::default(),
        };
        let round = Round { state, unasked, ..Round::default() };
        Ok(Self::new(Some(method), Some(Box::new(round))))
    }

    /// Asks a question for the first time in this run.
    pub(super) fn ask(&self, question: Question, limits: &Limits, waker: &Waker) -> Result<Turn, InputError> {
        if self.method.is_none() {
            return Err(InputError::new(
                InputErrorKind::Unsupported,
                "the revision does not let a client be asked by way of this method",
            ));
        }
        let params = question.params.to().map_err(|error| {
            InputError::fault(InputErrorKind::Misuse, format!("a question has no JSON: {error}"))
        })?;
        let digest = Digest::of(question.method.name(), &params);
        let mut round = self.round();
        let round = round.get_or_insert_default();
        if self.is_over() {
            return Err(over());
        }
        let key = round.key_of(&question, &digest)?;
        match round.state.answers.get(&key) {
            Some(answer) if answer.question == digest => return Ok(Turn::Answered(answer.result.clone())),
            _ if question.manner.unasked => {
                if let Some(answer) = round.unasked.remove(&key) {
                    let answer = Answer { question: digest, result: answer };
                    let result = answer.result.clone();
                    round.state.answers.insert(key, answer);
                    return Ok(Turn::Answered(result));
                }
            }
            // The answer to another question, which this one has taken the place of.
            _ => {}
        }
        if round.state.rounds as usize >= limits.input_rounds {
            let why = format!(
                "the request has asked its client {} times already, and still asks; a question whose words change from run to run is \
                 never answered",
                round.state.rounds
            );
            return Err(InputError::fault(InputErrorKind::TooMuch, why));
        }
        if round.keys.len() > limits.inputs {
            let why = format!("the request asks more than {} questions", limits.inputs);
            return Err(InputError::fault(InputErrorKind::TooMuch, why));
        }
        round.asked.push(Asked { key: key.clone(), digest, question, waker: waker.clone() });
        // A handler that ends meanwhile has looked for questions already, and nobody will answer this one.
        let set_asking = |phase| (phase != OVER).then_some(ASKING);
        if self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, set_asking).is_err() {
            round.asked.pop();
            return Err(over());
        }
        self.handler.wake();
        Ok(Turn::Asked(key))
    }

    /// Waits on for the answer to a question of this run. `Err` when none will come.
    pub(super) fn wait(&self, key: &str, waker: &Waker) -> Result<(), InputError> {
        if let Some(round) = &mut *self.round()
            && let Some(asked) = round.asked.iter_mut().find(|asked| asked.key == key)
        {
            asked.waker.clone_from(waker);
            return Ok(());
        }
        Err(over())
    }

    /// The handler no longer wants an answer.
    pub(super) fn forget(&self, key: &str) {
        if let Some(round) = &mut *self.round() {
            round.asked.retain(|asked| asked.key != key);
        }
    }

    /// Begins a step. Gives its result if an earlier run had it.
    pub(super) fn begin_step(&self, name: &str, limits: &Limits) -> Result<Option<RawJson>, InputError> {
        let mut round = self.round();
        let round = round.get_or_insert_default();
        if !round.steps.insert(name.to_owned()) {
            let why = format!("the request has two steps that are called {name:?}");
            return Err(InputError::fault(InputErrorKind::Misuse, why));
        }
        if let Some(result) = round.state.steps.get(name) {
            return Ok(Some(result.clone()));
        }
        if round.steps.len() > limits.inputs {
            let why = format!("the request has more than {} steps", limits.inputs);
            return Err(InputError::fault(InputErrorKind::TooMuch, why));
        }
        round.running += 1;
        Ok(None)
    }

    /// Ends a step that ran, with its result if it came to one.
    pub(super) fn end_step(&self, name: &str, result: Option<RawJson>) {
        if let Some(round) = &mut *self.round() {
            round.running = round.running.saturating_sub(1);
            if let Some(result) = result {
                round.state.steps.insert(name.to_owned(), result);
            }
        }
        // The questions may have waited for it.
        if self.phase.load(Ordering::Acquire) == ASKING {
            self.handler.wake();
        }
    }

    /// Says who polls the handler.
    pub(super) fn polled_by(&self, waker: &Waker) {
        self.handler.register(waker);
    }

    /// What the handler waits for: the result that asks for it. None while it waits for something else.
    pub(in crate::server) fn required(
        &self,
        core: &Core,
        incoming: &Incoming,
    ) -> Option<Result<RawJson, ErrorObject>> {
        if self.phase.load(Ordering::Acquire) != ASKING {
            return None;
        }
        let method = self.method?;
        let mut round = self.round();
        let round = round.as_mut()?;
        // What a step has done must not be forgotten.
        if round.asked.is_empty() || round.running > 0 {
            return None;
        }
        Some(round.required(core, method, incoming))
    }

    /// Settles whatever still waits.
    pub(super) fn end(&self) {
        if self.phase.swap(OVER, Ordering::AcqRel) != ASKING {
            return;
        }
        let asked = self.round().as_mut().map(|round| std::mem::take(&mut round.asked));
        for asked in asked.unwrap_or_default() {
            asked.waker.wake();
        }
    }

    fn is_over(&self) -> bool {
        self.phase.load(Ordering::Acquire) == OVER
    }

    fn round(&self) -> MutexGuard<'_, Option<Box<Round>>> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Round {
    /// The key of a question, the same in every run: the handler's, or one made of what is asked, so that the order in which questions
    /// come up does not matter.
    fn key_of(&mut self, question: &Question, digest: &Digest) -> Result<String, InputError> {
        if let Some(key) = &question.manner.key {
            if !self.keys.insert(key.clone()) {
                let why = format!("the request has two questions under the key {key:?}");
                return Err(InputError::fault(InputErrorKind::Misuse, why));
            }
            return Ok(key.clone());
        }
        let mut key = format!("{}-{}", question.kind(), digest.short());
        let length = key.len();
        let mut times = 1;
        while !self.keys.insert(key.clone()) {
            times += 1;
            key.truncate(length);
            key.push_str(&format!("-{times}"));
        }
        Ok(key)
    }

    /// The result that asks what was not answered yet.
    fn required(&mut self, core: &Core, method: Method, incoming: &Incoming) -> Result<RawJson, ErrorObject> {
        self.state.rounds += 1;
        self.state.asked = self.asked.iter().map(|asked| (asked.key.clone(), asked.digest.clone())).collect();
        let limits = &core.limits;
        let binding = binding(method, incoming)?;
        let sealed = self.state.seal(&core.seal, &binding, limits.input_wait, limits.input_state_bytes)?;
        let mut result = Vec::with_capacity(512 + sealed.len());
        result.extend_from_slice(br#"{"resultType":"input_required","inputRequests":"#);
        let asked = self.asked.iter();
        let asked = asked.map(|asked| (&*asked.key, asked.question.method, &asked.question.params));
        write_input_requests(asked, &mut result);
        result.extend_from_slice(br#","requestState":"#);
        write_json_string(&sealed, &mut result);
        core.results.finish(incoming.version, &mut result, Own { result_type: true, meta: false });
        Ok(RawJson::from_written(result))
    }
}

/// What the state of a request is bound to.
fn binding(method: Method, incoming: &Incoming) -> Result<Binding, ErrorObject> {
    // Where a key is there twice, whoever reads the parameters may read another than this, so they cannot be agreed to.
    let params = incoming.params().to_tree().map_err(|error| invalid_params(&error))?;
    Ok(Binding { request: Digest::of_request(method.name(), params), principal: incoming.principal() })
}

fn over() -> InputError {
    InputError::new(
        InputErrorKind::Closed,
        "the request is answered already; its client cannot be asked any more",
    )
}
