use std::borrow::Cow;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::standing::Standing;
use super::to_error;
use crate::transport::http::HttpClient;

/// The posts that wait for their turn at most. Past it they are dropped: a server that far behind has no use for them.
const MAX_QUEUED: usize = 256;

/// The bytes of all of them: a server may ask for something with a long name, and then take no answer.
const MAX_QUEUED_BYTES: usize = 1 << 20;

/// How long one post may take.
const POST_PATIENCE: Duration = Duration::from_secs(5);

/// A message that wants no answer, and that nobody waits for: `notifications/cancelled`, or the answer to a request that the server made
/// outside of any call.
pub(super) struct Post {
    /// The revision and session it belongs to.
    pub(super) standing: Standing,
    /// What it is about.
    pub(super) method: Cow<'static, str>,
    pub(super) body: Bytes,
}

/// A post with the room that it takes.
type Queued = (Post, OwnedSemaphorePermit);

/// Posts that are sent one after the other by one task, which starts with the first.
pub(super) struct Posts {
    state: Mutex<State>,
    room: Arc<Semaphore>,
}

#[derive(Default)]
enum State {
    #[default]
    Unused,
    Running {
        queue: mpsc::Sender<Queued>,
        task: JoinHandle<()>,
    },
    Closed,
}

impl Default for Posts {
    fn default() -> Self {
        Self { state: Mutex::default(), room: Arc::new(Semaphore::new(MAX_QUEUED_BYTES)) }
    }
}

impl Posts {
    /// Sends a post when its turn comes. Never blocks.
    pub(super) fn push(&self, post: Post, http: &HttpClient, runtime: &Handle) {
        let method = post.method.clone();
        if !self.try_push(post, http, runtime) {
            tracing::debug!(%method, "too many messages wait for the server, or the client is closed");
        }
    }

    fn try_push(&self, post: Post, http: &HttpClient, runtime: &Handle) -> bool {
        let bytes = u32::try_from(post.body.len()).unwrap_or(u32::MAX);
        let Ok(room) = self.room.clone().try_acquire_many_owned(bytes) else { return false };
        let mut state = self.state();
        if let State::Unused = *state {
            let (queue, posts) = mpsc::channel(MAX_QUEUED);
            *state = State::Running { queue, task: runtime.spawn(send_all(posts, http.clone())) };
        }
        match &*state {
            State::Running { queue, .. } => queue.try_send((post, room)).is_ok(),
            State::Unused | State::Closed => false,
        }
    }

    /// Takes no more posts. Those that wait are sent within `patience`, or dropped. When this returns, the task is gone.
    pub(super) async fn close(&self, patience: Duration) {
        let state = mem::replace(&mut *self.state(), State::Closed);
        let State::Running { queue, mut task } = state else { return };
        drop(queue);
        if tokio::time::timeout(patience, &mut task).await.is_err() {
            tracing::debug!("the server did not take the last messages in time");
            task.abort();
            // It is over, in one way or another.
            let _ = task.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send_all(mut posts: mpsc::Receiver<Queued>, http: HttpClient) {
    while let Some((Post { standing, method, body }, _room)) = posts.recv().await {
        match tokio::time::timeout(POST_PATIENCE, http.post(standing.quietly(&method), body)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("{method} did not reach the server: {}", to_error(error)),
            Err(_) => tracing::debug!("the server did not take {method} within {POST_PATIENCE:?}"),
        }
    }
}
