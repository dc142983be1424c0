//! What a server keeps beyond one request, and a client beyond one connection. In memory by default; implement a trait to keep it elsewhere.

mod events;
mod file_tokens;
mod memory_events;
mod memory_tasks;
mod memory_tokens;
mod session_key;
mod settle;
mod stored_event;
mod stored_task;
mod stream_id;
mod tasks;
mod tokens;

pub use events::EventStore;
pub use file_tokens::FileTokens;
pub use memory_events::MemoryEvents;
pub use memory_tasks::MemoryTasks;
pub use memory_tokens::MemoryTokens;
pub use session_key::SessionKey;
pub(crate) use settle::settle;
pub use stored_event::StoredEvent;
pub use stored_task::StoredTask;
pub use stream_id::StreamId;
pub use tasks::{TaskPage, TaskStore};
pub use tokens::{TokenLock, TokenStore};
