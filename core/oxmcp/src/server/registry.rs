use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use rustc_hash::FxHashMap;

use super::List;
use super::subscriptions::Hub;

/// Something a server lists: a tool, a resource, a prompt.
pub(super) trait Item: Send + Sync {
    /// What it is asked for by; unique in its registry.
    fn key(&self) -> &str;

    /// How the list shows it: a JSON object.
    fn definition(&self) -> &RawJson;
}

/// What a server has of one kind, in the order in which it was added. Nothing of a user's runs under its lock, so whoever asks waits for
/// whoever adds no longer than that takes.
pub(super) struct Registry<T> {
    state: RwLock<State<T>>,
    /// Whether clients are told that the server has things of this kind. Once true, always true: the last one may be removed, and a client
    /// that knew of it may ask for the list.
    declared: AtomicBool,
    list: List,
    /// Who is told of changes.
    hub: Arc<Hub>,
}

struct State<T> {
    entries: Vec<Entry<T>>,
    by_key: FxHashMap<Box<str>, usize>,
    /// The pages, from when they are first asked for until something changes.
    pages: OnceLock<Pages>,
    /// What clients see, for whoever looks through all of it without the lock; as long as the pages.
    shown: OnceLock<Arc<[Arc<T>]>>,
}

struct Entry<T> {
    item: Arc<T>,
    /// Whether clients see it.
    enabled: bool,
}

/// The pages of the size that was asked for first, with the entry at which each begins.
struct Pages {
    size: usize,
    pages: Vec<(usize, Page)>,
}

/// A page of a list.
#[derive(Clone)]
pub(super) struct Page {
    /// The array of definitions.
    pub(super) items: RawJson,
    /// Where the next page begins.
    pub(super) next_cursor: Option<String>,
}

impl<T: Item> Registry<T> {
    pub(super) fn new(list: List, hub: &Arc<Hub>) -> Self {
        let state = State {
            entries: Vec::new(),
            by_key: FxHashMap::default(),
            pages: OnceLock::new(),
            shown: OnceLock::new(),
        };
        Self { state: RwLock::new(state), declared: AtomicBool::new(false), list, hub: hub.clone() }
    }

    /// Adds an item, or puts it in the place of the one with its key. Clients see it. True when there was one.
    pub(super) fn add(&self, item: T) -> bool {
        let entry = Entry { item: Arc::new(item), enabled: true };
        let mut state = self.write();
        // What a handler holds is dropped when the lock is free again: that runs code of the user's.
        let place = state.by_key.get(entry.item.key()).copied();
        let replaced = match place {
            Some(at) => Some(std::mem::replace(&mut state.entries[at], entry)),
            None => {
                let at = state.entries.len();
                state.by_key.insert(entry.item.key().into(), at);
                state.entries.push(entry);
                None
            }
        };
        state.changed();
        self.declare();
        drop(state);
        self.hub.changed(self.list);
        replaced.is_some()
    }

    /// Removes an item. False when there is none with this key.
    pub(super) fn remove(&self, key: &str) -> bool {
        let mut state = self.write();
        let Some(at) = state.by_key.remove(key) else { return false };
        let removed = state.entries.remove(at);
        for later in state.by_key.values_mut().filter(|later| **later > at) {
            *later -= 1;
        }
        state.changed();
        drop(state);
        if removed.enabled {
            self.hub.changed(self.list);
        }
        true
    }

    /// Shows an item to clients, or hides it: then it is neither listed nor found, and keeps its place. False when there is none with this
    /// key, or it was so already.
    pub(super) fn enable(&self, key: &str, enabled: bool) -> bool {
        let mut state = self.write();
        let Some(at) = state.by_key.get(key).copied() else { return false };
        if std::mem::replace(&mut state.entries[at].enabled, enabled) == enabled {
            return false;
        }
        state.changed();
        drop(state);
        self.hub.changed(self.list);
        true
    }

    /// Tells clients from now on that the server has things of this kind.
    pub(super) fn declare(&self) {
        self.declared.store(true, Ordering::Relaxed);
    }

    /// Whether clients are told that the server has things of this kind.
    pub(super) fn is_declared(&self) -> bool {
        self.declared.load(Ordering::Relaxed)
    }

    /// The item with a key, if clients see it.
    pub(super) fn find(&self, key: &str) -> Option<Arc<T>> {
        let state = self.read();
        let entry = &state.entries[*state.by_key.get(key)?];
        entry.enabled.then(|| entry.item.clone())
    }

    /// The first item that clients see and of which `choose` makes something. It may take its time: nobody waits for it.
    pub(super) fn first<R>(&self, mut choose: impl FnMut(&T) -> Option<R>) -> Option<(Arc<T>, R)> {
        let shown = {
            let state = self.read();
            state.shown.get_or_init(|| state.shown(0).map(|(_, item)| item.clone()).collect()).clone()
        };
        shown.iter().find_map(|item| choose(item).map(|chosen| (item.clone(), chosen)))
    }

    /// The page at a cursor; the first without one.
    pub(super) fn page(&self, cursor: Option<&str>, size: usize) -> Result<Page, ErrorObject> {
        let state = self.read();
        let start = match cursor {
            None => 0,
            // A cursor names the last item of the page before, so it stays good while others come and go.
            Some(cursor) => {
                state.after(cursor).ok_or_else(|| ErrorObject::invalid_params("invalid cursor"))?
            }
        };
        let pages = state.pages.get_or_init(|| state.pages(size));
        if pages.size == size
            && let Ok(at) = pages.pages.binary_search_by_key(&start, |(start, _)| *start)
        {
            return Ok(pages.pages[at].1.clone());
        }
        Ok(state.page_from(start, size).0)
    }

    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Item> State<T> {
    /// Forgets what was made of what clients saw.
    fn changed(&mut self) {
        self.pages.take();
        self.shown.take();
    }

    /// What clients see from a place on, with its place.
    fn shown(&self, start: usize) -> impl Iterator<Item = (usize, &Arc<T>)> {
        let entries = self.entries.iter().enumerate().skip(start);
        entries.filter(|(_, entry)| entry.enabled).map(|(at, entry)| (at, &entry.item))
    }

    fn pages(&self, size: usize) -> Pages {
        let mut pages = Vec::new();
        let mut start = 0;
        loop {
            let (page, next) = self.page_from(start, size);
            pages.push((start, page));
            match next {
                Some(next) => start = next,
                None => return Pages { size, pages },
            }
        }
    }

    /// The page that begins at an entry, and the entry at which the one after it begins.
    fn page_from(&self, start: usize, size: usize) -> (Page, Option<usize>) {
        let mut shown = self.shown(start);
        let mut items = Vec::from(*b"[");
        let mut last = None;
        for (at, item) in shown.by_ref().take(size) {
            if last.is_some() {
                items.push(b',');
            }
            items.extend_from_slice(item.definition().as_bytes());
            last = Some((at, item));
        }
        items.push(b']');
        let next = last.filter(|_| shown.next().is_some());
        let next_cursor = next.map(|(_, item)| URL_SAFE_NO_PAD.encode(item.key()));
        (Page { items: RawJson::from_written(items), next_cursor }, next.map(|(at, _)| at + 1))
    }

    fn after(&self, cursor: &str) -> Option<usize> {
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        self.by_key.get(key.as_str()).map(|at| at + 1)
    }
}

impl<T: Item> fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.read().shown(0).map(|(_, item)| item.key())).finish()
    }
}
