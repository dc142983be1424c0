use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oxmcp_proto::jsonrpc::{MethodName, RawJson, RawObject};
use oxmcp_proto::model::keys;
use oxmcp_proto::{Method, ProtocolVersion};
use rustc_hash::FxHashMap;

use super::Call;
use crate::{Limits, clock};

/// What an entry takes beside its key and result, in bytes.
const OVERHEAD: usize = 128;

/// Results that the server said may be used again for a while (2026-07-28, caching). They are this client's alone, so that their scope makes
/// no difference.
pub(super) struct Cache {
    /// Whether the revision has hints for it.
    is_on: bool,
    max_entries: usize,
    max_bytes: usize,
    /// Whether there may be something in it.
    is_used: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: FxHashMap<(Method, RawJson), Entry>,
    bytes: usize,
    /// Grows when something is forgotten.
    generation: u64,
}

struct Entry {
    result: RawJson,
    fresh_until: Instant,
    bytes: usize,
}

/// What a call would be found under. A result that was asked for before something was forgotten is not kept.
pub(super) struct CacheKey {
    method: Method,
    params: RawJson,
    generation: u64,
}

impl Cache {
    pub(super) fn new(version: ProtocolVersion, limits: &Limits) -> Self {
        Self {
            is_on: version.wire().cache_hints && limits.cache_entries > 0,
            max_entries: limits.cache_entries,
            max_bytes: limits.cache_bytes,
            is_used: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// The key of a call whose result may be kept or found.
    pub(super) fn key(&self, call: &Call) -> Option<CacheKey> {
        let method = match call.method {
            MethodName::Known(method) if self.is_on && method.info().cacheable => method,
            _ => return None,
        };
        // Whoever asks what the server can do wants to know whether it is there. What depends on input is not to be kept, nor what may depend
        // on something in `_meta`.
        let has = |name: &[u8]| memchr::memmem::find(call.params.as_bytes(), name).is_some();
        if method == Method::Discover || has(b"\"inputResponses\"") || has(b"\"requestState\"") {
            return None;
        }
        if !call.meta.iter().all(|(name, _)| changes_no_result(name)) {
            return None;
        }
        let params = match has(b"\"_meta\"") {
            false => call.params.clone(),
            true => without_meta(&call.params)?,
        };
        Some(CacheKey { method, params, generation: self.state().generation })
    }

    /// A result that is fresh.
    pub(super) fn find(&self, key: &CacheKey) -> Option<RawJson> {
        if !self.is_used.load(Ordering::Relaxed) {
            return None;
        }
        let state = self.state();
        let entry = state.entries.get(&(key.method, key.params.clone()))?;
        (clock::now() < entry.fresh_until).then(|| entry.result.clone())
    }

    /// Keeps a complete result for as long as the server said.
    pub(super) fn keep(&self, key: CacheKey, result: &RawJson) {
        let Ok(Some(Some(ttl))) = result.member::<Option<f64>>("ttlMs") else { return };
        // What is negative or no number means 0; what does not fit means for ever.
        let ttl = Duration::from_millis(ttl as u64);
        let bytes = OVERHEAD + key.params.as_bytes().len() + result.as_bytes().len();
        if ttl.is_zero() || bytes > self.max_bytes {
            return;
        }
        let now = clock::now();
        let fresh_until = now.checked_add(ttl).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600));
        // A copy, so that it does not hold what else was received with it.
        let result = RawJson::from_written(result.as_bytes().to_vec());
        let mut state = self.state();
        if state.generation != key.generation {
            return;
        }
        let params = RawJson::from_written(key.params.as_bytes().to_vec());
        let key = (key.method, params);
        if let Some(old) = state.entries.remove(&key) {
            state.bytes -= old.bytes;
        }
        state.make_room(now, self.max_entries - 1, self.max_bytes - bytes);
        state.bytes += bytes;
        state.entries.insert(key, Entry { result, fresh_until, bytes });
        self.is_used.store(true, Ordering::Relaxed);
    }

    /// Forgets what a notification says is no longer so.
    pub(super) fn heard(&self, notification: Method) {
        match notification {
            Method::ToolListChanged => self.forget(&[Method::ListTools]),
            Method::PromptListChanged => self.forget(&[Method::ListPrompts]),
            Method::ResourceListChanged => {
                self.forget(&[Method::ListResources, Method::ListResourceTemplates]);
            }
            // What changed may be a part of what was read.
            Method::ResourceUpdated => self.forget(&[Method::ReadResource]),
            _ => {}
        }
    }

    /// Forgets the results of methods.
    pub(super) fn forget(&self, methods: &[Method]) {
        if !self.is_on {
            return;
        }
        let mut state = self.state();
        state.generation += 1;
        state.remove(|(method, _), _| methods.contains(method));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a member of `_meta` is for tracing or progress, and makes no difference to a result.
fn changes_no_result(name: &str) -> bool {
    matches!(name, keys::TRACEPARENT | keys::TRACESTATE | keys::BAGGAGE | keys::PROGRESS_TOKEN)
}

/// The parameters without a `_meta` in which nothing makes a difference. `None` if something may.
fn without_meta(params: &RawJson) -> Option<RawJson> {
    let mut members: RawObject<'_> = params.to().ok()?;
    let Some(meta) = members.remove("_meta") else { return Some(params.clone()) };
    let meta: Option<RawObject<'_>> = serde_json::from_str(meta.get()).ok()?;
    let is_same = meta.unwrap_or_default().0.iter().all(|(name, _)| changes_no_result(name));
    is_same.then(|| members.to_json())
}

impl CacheKey {
    pub(super) fn method(&self) -> Method {
        self.method
    }
}

impl State {
    fn remove(&mut self, which: impl Fn(&(Method, RawJson), &Entry) -> bool) {
        let bytes: usize =
            self.entries.extract_if(|key, entry| which(key, entry)).map(|(_, entry)| entry.bytes).sum();
        self.bytes -= bytes;
    }

    /// Removes what is stale, then what is stale soonest, until there is no more than this.
    fn make_room(&mut self, now: Instant, entries: usize, bytes: usize) {
        if self.entries.len() > entries || self.bytes > bytes {
            self.remove(|_, entry| entry.fresh_until <= now);
        }
        while self.entries.len() > entries || self.bytes > bytes {
            let Some(soonest) = self.entries.values().map(|entry| entry.fresh_until).min() else { return };
            self.remove(|_, entry| entry.fresh_until <= soonest);
        }
    }
}
