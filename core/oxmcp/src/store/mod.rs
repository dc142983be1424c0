//! What a server keeps beyond one request, and a client beyond one connection. In memory by default; implement a trait to keep it elsewhere.

mod events;
mod file_tokens;
mod memory_events;
mod memory_tasks;
mod memory_tokens;
mod settle;
mod stored_task;
mod tasks;
mod tokens;

pub use events::{EventStore, SessionKey, StoredEvent, StreamId};
pub use file_tokens::FileTokens;
pub use memory_events::MemoryEvents;
pub use memory_tasks::MemoryTasks;
pub use memory_tokens::MemoryTokens;
pub(crate) use settle::settle;
pub use stored_task::StoredTask;
pub use tasks::{TaskPage, TaskStore};
pub use tokens::{TokenLock, TokenStore};
