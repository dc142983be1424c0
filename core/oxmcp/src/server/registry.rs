use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use rustc_hash::FxHashMap;

/// Something a server lists: a tool, a resource, a prompt.
pub(super) trait Item: Send + Sync {
    /// What it is asked for by; unique in its registry.
    fn key(&self) -> &str;

    /// How the list shows it: a JSON object.
    fn definition(&self) -> &RawJson;
}

/// What a server has of one kind, in the order in which it was added. Readers take a snapshot, so adding and removing never waits for a
/// call.
pub(super) struct Registry<T>(RwLock<Arc<Snapshot<T>>>);

/// What there is at one moment.
pub(super) struct Snapshot<T> {
    items: Vec<Arc<T>>,
    by_key: FxHashMap<Box<str>, usize>,
    /// The pages of the size that was asked for first.
    pages: OnceLock<(usize, Vec<Page>)>,
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
    /// Adds an item, or puts it in the place of the one with its key.
    pub(super) fn add(&self, item: T) {
        let item = Arc::new(item);
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut items = current.items.clone();
        match current.by_key.get(item.key()) {
            Some(at) => items[*at] = item,
            None => items.push(item),
        }
        *current = Arc::new(Snapshot::new(items));
    }

    /// Removes an item. False when there is none with this key.
    pub(super) fn remove(&self, key: &str) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = current.by_key.get(key).copied() else { return false };
        let mut items = current.items.clone();
        items.remove(at);
        *current = Arc::new(Snapshot::new(items));
        true
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The item with a key.
    pub(super) fn find(&self, key: &str) -> Option<Arc<T>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.by_key.get(key).map(|at| current.items[*at].clone())
    }
}

impl<T: Item> Snapshot<T> {
    fn new(items: Vec<Arc<T>>) -> Self {
        let by_key = items.iter().enumerate().map(|(at, item)| (item.key().into(), at)).collect();
        Self { items, by_key, pages: OnceLock::new() }
    }

    /// The page at a cursor; the first without one.
    pub(super) fn page(&self, cursor: Option<&str>, size: usize) -> Result<Page, ErrorObject> {
        let start = match cursor {
            None => 0,
            // A cursor names the last item of the page before, so it stays good while others come and go.
            Some(cursor) => {
                self.after(cursor).ok_or_else(|| ErrorObject::invalid_params("invalid cursor"))?
            }
        };
        if start % size == 0 {
            let (of_size, pages) = self.pages.get_or_init(|| (size, self.pages(size)));
            if let (true, Some(page)) = (*of_size == size, pages.get(start / size)) {
                return Ok(page.clone());
            }
        }
        Ok(self.page_from(start, size))
    }

    fn pages(&self, size: usize) -> Vec<Page> {
        (0..self.items.len().max(1)).step_by(size).map(|start| self.page_from(start, size)).collect()
    }

    fn page_from(&self, start: usize, size: usize) -> Page {
        let end = (start + size).min(self.items.len());
        let mut items = Vec::from(*b"[");
        for (at, item) in self.items[start..end].iter().enumerate() {
            if at > 0 {
                items.push(b',');
            }
            items.extend_from_slice(item.definition().as_bytes());
        }
        items.push(b']');
        let next_cursor = (end < self.items.len()).then(|| URL_SAFE_NO_PAD.encode(self.items[end - 1].key()));
        Page { items: RawJson::from_written(items), next_cursor }
    }

    fn after(&self, cursor: &str) -> Option<usize> {
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        self.by_key.get(key.as_str()).map(|at| at + 1)
    }
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self(RwLock::new(Arc::new(Snapshot {
            items: Vec::new(),
            by_key: FxHashMap::default(),
            pages: OnceLock::new(),
        })))
    }
}

impl<T: Item> fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.snapshot().items.iter().map(|item| item.key())).finish()
    }
}
