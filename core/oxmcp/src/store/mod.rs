//! What a server keeps beyond one request. In memory by default; implement a trait to keep it elsewhere.

mod events;
mod memory_events;
mod memory_tasks;
mod settle;
mod tasks;

pub use events::{EventStore, SessionKey, StoredEvent, StreamId};
pub use memory_events::MemoryEvents;
pub use memory_tasks::MemoryTasks;
pub(crate) use settle::settle;
pub use tasks::{StoredTask, TaskPage, TaskStore};
