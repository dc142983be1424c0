use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::{StoredTask, TaskPage, TaskStore};
use crate::{Error, ErrorKind, Result};

/// Keeps tasks in memory until their time is up. When there is no room, new tasks are refused: none goes before its time. So that one client
/// cannot have all the room, each has a share: a session, or a principal; all that are neither have one together.
#[derive(Debug)]
pub struct MemoryTasks {
    state: Mutex<State>,
    tasks: usize,
    bytes: usize,
    owner_tasks: usize,
    owner_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    /// The tasks in the order in which they were created.
    tasks: BTreeMap<u64, Kept>,
    by_id: FxHashMap<String, u64>,
    /// When which task's time is up.
    due: BTreeMap<(Instant, u64), ()>,
    last: u64,
    bytes: usize,
    /// What there is of each owner that has some.
    shares: FxHashMap<Option<String>, Share>,
}

#[derive(Debug, Default)]
struct Share {
    /// The numbers of its tasks.
    tasks: BTreeSet<u64>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    task: StoredTask,
    due: Instant,
}

impl MemoryTasks {
    /// How many tasks there may be. Default 10,000.
    pub fn tasks(mut self, tasks: usize) -> Self {
        self.tasks = tasks;
        self
    }

    /// What all tasks may cost in bytes. Default 256 MiB.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How many tasks one owner may have. Default 2,500.
    pub fn owner_tasks(mut self, tasks: usize) -> Self {
        self.owner_tasks = tasks;
        self
    }

    /// What the tasks of one owner may cost in bytes. Default 64 MiB.
    pub fn owner_bytes(mut self, bytes: usize) -> Self {
        self.owner_bytes = bytes;
        self
    }

    /// The state without the tasks whose time is up.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while let Some(((due, number), ())) = state.due.first_key_value()
            && *due <= now
        {
            let number = *number;
            state.remove(number);
        }
        state
    }

    fn create_now(&self, task: StoredTask) -> Result<()> {
        let mut state = self.state();
        let size = task.size();
        if state.tasks.len() >= self.tasks || state.bytes + size > self.bytes {
            return Err(full("the server keeps as many tasks as it can"));
        }
        let share = state.shares.get(&task.owner);
        if share.map_or(0, |share| share.tasks.len()) >= self.owner_tasks
            || share.map_or(0, |share| share.bytes) + size > self.owner_bytes
        {
            return Err(full("the server keeps as many tasks of this client as it can"));
        }
        let due = Instant::now()
            .checked_add(task.ttl)
            .ok_or_else(|| Error::misuse("no clock goes on for so long"))?;
        state.last += 1;
        let number = state.last;
        let share = state.shares.entry(task.owner.clone()).or_default();
        share.tasks.insert(number);
        share.bytes += size;
        state.bytes += size;
        state.by_id.insert(task.id.clone(), number);
        state.due.insert((due, number), ());
        state.tasks.insert(number, Kept { task, due });
        Ok(())
    }

    fn update_now(&self, task: StoredTask) -> Result<()> {
        let mut state = self.state();
        let State { tasks, by_id, bytes, shares, .. } = &mut *state;
        let Some(kept) = by_id.get(&task.id).and_then(|number| tasks.get_mut(number)) else { return Ok(()) };
        let Some(share) = shares.get_mut(&kept.task.owner) else { return Ok(()) };
        let (before, after) = (kept.task.size(), task.size());
        let (all, owned) = (*bytes - before + after, share.bytes - before + after);
        if all > self.bytes || owned > self.owner_bytes {
            return Err(full("the server has no room for what came of the task"));
        }
        (*bytes, share.bytes) = (all, owned);
        // Whose it is does not change.
        let owner = kept.task.owner.take();
        kept.task = StoredTask { owner, ..task };
        Ok(())
    }

    fn list_now(&self, owner: &str, cursor: Option<&str>, limit: usize) -> Result<TaskPage> {
        let after: u64 = match cursor {
            Some(cursor) => {
                cursor.parse().map_err(|_| Error::misuse("the cursor is none of this store's"))?
            }
            None => 0,
        };
        let state = self.state();
        let share = state.shares.get(&Some(owner.to_owned()));
        let mut owned = share.into_iter().flat_map(|share| share.tasks.range((Excluded(after), Unbounded)));
        let mut page = TaskPage::default();
        let mut last = None;
        for number in owned.by_ref().take(limit) {
            page.tasks.extend(state.tasks.get(number).map(|kept| kept.task.clone()));
            last = Some(number);
        }
        if owned.next().is_some() {
            page.next = last.map(u64::to_string);
        }
        Ok(page)
    }
}

impl Default for MemoryTasks {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            tasks: 10_000,
            bytes: 256 << 20,
            owner_tasks: 2500,
            owner_bytes: 64 << 20,
        }
    }
}

impl State {
    fn remove(&mut self, number: u64) {
        if let Some(Kept { task, due }) = self.tasks.remove(&number) {
            self.by_id.remove(&task.id);
            self.due.remove(&(due, number));
            self.bytes -= task.size();
            if let Some(share) = self.shares.get_mut(&task.owner) {
                share.tasks.remove(&number);
                share.bytes -= task.size();
                if share.tasks.is_empty() {
                    self.shares.remove(&task.owner);
                }
            }
        }
    }
}

impl TaskStore for MemoryTasks {
    fn create(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(self.create_now(task)))
    }

    fn update(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(self.update_now(task)))
    }

    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<StoredTask>>> {
        let state = self.state();
        let kept = state.by_id.get(id).and_then(|number| state.tasks.get(number));
        Box::pin(ready(Ok(kept.map(|kept| kept.task.clone()))))
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<TaskPage>> {
        Box::pin(ready(self.list_now(owner, cursor, limit)))
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        let mut state = self.state();
        if let Some(number) = state.by_id.get(id).copied() {
            state.remove(number);
        }
        Box::pin(ready(Ok(())))
    }
}

fn full(why: &str) -> Error {
    Error::new(ErrorKind::Overloaded, why)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use oxmcp_proto::jsonrpc::RawJson;
    use oxmcp_proto::model::TaskStatus;

    use super::*;

    fn task(id: &str, owner: &str, ttl: Duration) -> StoredTask {
        let now = SystemTime::now();
        StoredTask {
            id: id.to_owned(),
            owner: Some(owner.to_owned()),
            status: TaskStatus::Working,
            message: None,
            created: now,
            updated: now,
            ttl,
            poll_interval: Duration::from_secs(1),
            questions: None,
            outcome: None,
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_task_is_there_until_its_time_is_up() {
        let store = MemoryTasks::default();
        store.create(task("a", "x", HOUR)).await.unwrap();
        store.create(task("b", "x", 2 * HOUR)).await.unwrap();
        tokio::time::advance(HOUR - Duration::from_millis(1)).await;
        assert!(store.find("a").await.unwrap().is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(store.find("a").await.unwrap().is_none());
        // What comes too late changes nothing.
        store.update(task("a", "x", HOUR)).await.unwrap();
        assert!(store.find("a").await.unwrap().is_none());
        assert!(store.find("b").await.unwrap().is_some());
        store.remove("b").await.unwrap();
        let state = store.state();
        assert!(state.tasks.is_empty() && state.by_id.is_empty() && state.due.is_empty());
        assert!(state.bytes == 0 && state.shares.is_empty());
    }

    #[tokio::test]
    async fn an_owner_sees_its_own_tasks_page_by_page() {
        let store = MemoryTasks::default();
        for (id, owner) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x")] {
            store.create(task(id, owner, HOUR)).await.unwrap();
        }
        let ids = |page: &TaskPage| page.tasks.iter().map(|task| task.id.clone()).collect::<Vec<_>>();
        let first = store.list("x", None, 2).await.unwrap();
        assert_eq!(ids(&first), ["a", "c"]);
        store.remove("c").await.unwrap();
        let second = store.list("x", first.next.as_deref(), 2).await.unwrap();
        assert_eq!((ids(&second), second.next), (vec!["d".to_owned()], None));
        assert_eq!(store.list("z", None, 2).await.unwrap(), TaskPage::default());
        assert_eq!(store.list("x", Some("?"), 2).await.unwrap_err().kind(), ErrorKind::Misuse);
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_is_refused() {
        let store = MemoryTasks::default().tasks(2).bytes(8192);
        store.create(task("a", "x", HOUR)).await.unwrap();
        store.create(task("b", "x", HOUR)).await.unwrap();
        assert_eq!(store.create(task("c", "x", HOUR)).await.unwrap_err().kind(), ErrorKind::Overloaded);
        let mut large = task("a", "x", HOUR);
        large.outcome = Some(Ok(RawJson::of(&"x".repeat(8192)).unwrap()));
        assert_eq!(store.update(large).await.unwrap_err().kind(), ErrorKind::Overloaded);
        assert_eq!(store.find("a").await.unwrap().unwrap().outcome, None);
        store.remove("a").await.unwrap();
        store.create(task("c", "x", HOUR)).await.unwrap();
    }

    #[tokio::test]
    async fn one_owner_cannot_have_all_the_room() {
        let size = task("a", "x", HOUR).size();
        let store = MemoryTasks::default().owner_tasks(2).owner_bytes(3 * size);
        store.create(task("a", "x", HOUR)).await.unwrap();
        store.create(task("b", "x", HOUR)).await.unwrap();
        assert_eq!(store.create(task("c", "x", HOUR)).await.unwrap_err().kind(), ErrorKind::Overloaded);
        store.create(task("c", "y", HOUR)).await.unwrap();
        let grown = |id: &str, by: usize| {
            let outcome = Some(Ok(RawJson::of(&"x".repeat(by - 2)).unwrap()));
            StoredTask { outcome, ..task(id, "x", HOUR) }
        };
        store.update(grown("a", size)).await.unwrap();
        assert_eq!(store.update(grown("b", 2)).await.unwrap_err().kind(), ErrorKind::Overloaded);
        store.update(task("a", "x", HOUR)).await.unwrap();
        store.update(grown("b", size)).await.unwrap();
        for id in ["a", "b", "c"] {
            store.remove(id).await.unwrap();
        }
        let state = store.state();
        assert!(state.bytes == 0 && state.shares.is_empty());
    }
}
