use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use oxmcp_proto::jsonrpc::{RawJson, RequestId};
use oxmcp_proto::model::{
    SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenParams, subscription_id,
};
use oxmcp_proto::{Era, Method};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::handlers::Handlers;
use super::{Call, Channel, Client, ClientContext, Connect, Request, ServerList};
use crate::{Error, ErrorKind, Result};

/// How long to wait before a stream that broke is opened again; it doubles as long as none is acknowledged.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest of those waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often in a row a stream may break before it is acknowledged. Past it, listening ends until something else is wanted.
const MAX_ATTEMPTS: u32 = 10;

/// A stream of notifications has no end by itself.
const FOR_EVER: Duration = Duration::MAX;

/// Acknowledgments that wait to be looked at. They are few.
const MAX_ACKNOWLEDGED: usize = 16;

impl Connect {
    /// Hears that a list of the server has changed, on a thread of the runtime; it must not block. To be told, a client of 2026-07-28 keeps a
    /// stream of notifications open (`subscriptions/listen`), if the server declared that its lists change.
    ///
    /// ```no_run
    /// # use oxmcp::Client;
    /// # async fn example() -> Result<(), oxmcp::Error> {
    /// let client = Client::connect("http://127.0.0.1:8000/mcp")
    ///     .on_list_changed(|list, context| {
    ///         println!("{} has other {list:?}", context.server_info().name);
    ///         if let Some(client) = context.client() {
    ///             tokio::spawn(async move { client.list_tools().await });
    ///         }
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_list_changed(
        mut self,
        callback: impl Fn(ServerList, ClientContext) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.list_changed = Some(Box::new(callback));
        self
    }

    /// Hears that a resource has changed to which the client [subscribed](Client::subscribe), by its URI; it may be one inside of it. Runs on
    /// a thread of the runtime; it must not block.
    pub fn on_resource_updated(
        mut self,
        callback: impl Fn(String, ClientContext) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.resource_updated = Some(Box::new(callback));
        self
    }
}

impl Client {
    /// Wants to hear when a resource changes; see [`Connect::on_resource_updated`]. Returns when the server has agreed. A stream of
    /// notifications that breaks (2026-07-28), and a session that ends, are opened again with what was subscribed to.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) if the server did not declare that resources can be subscribed to, or does not agree;
    /// [`Overloaded`](ErrorKind::Overloaded) past [`Limits::subscriptions`](crate::Limits::subscriptions); otherwise as
    /// [`call`](Self::call).
    pub async fn subscribe(&self, uri: impl Into<String>) -> Result<()> {
        let uri = uri.into();
        match self.protocol_version().era() {
            Era::Handshake => self.ask_about(Method::SubscribeResource, &uri).await,
            Era::Stateless => self.listen_to(uri).await,
        }
    }

    /// No longer wants to hear when a resource changes.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub async fn unsubscribe(&self, uri: impl Into<String>) -> Result<()> {
        let uri = uri.into();
        match self.protocol_version().era() {
            Era::Handshake => self.ask_about(Method::UnsubscribeResource, &uri).await,
            Era::Stateless => {
                self.inner.listening.want(|wanted| _ = wanted.uris.remove(&uri));
                Ok(())
            }
        }
    }

    async fn ask_about(&self, method: Method, uri: &str) -> Result<()> {
        #[derive(Serialize)]
        struct Params<'a> {
            uri: &'a str,
        }
        Request::<Value>::new(self, method, &Params { uri }).await.map(drop)
    }

    async fn listen_to(&self, uri: String) -> Result<()> {
        let capability = ["resources", "subscribe"];
        if !self.capabilities().declares(&capability) {
            let message = "the server did not declare the capability `resources.subscribe`";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let limit = self.inner.limits.subscriptions;
        let (mut has_room, mut is_new) = (true, false);
        let generation = self.inner.listening.want(|wanted| {
            has_room = wanted.uris.len() < limit || wanted.uris.contains(&uri);
            if has_room {
                is_new = wanted.uris.insert(uri.clone());
            }
        });
        if !has_room {
            let message = format!("the client is subscribed to {limit} resources, its limit");
            return Err(Error::new(ErrorKind::Overloaded, message));
        }
        let give_up = UnwantOnDrop { client: self, uri: is_new.then_some(uri.as_str()) };
        let agreed = self.heard(generation).await?;
        if !agreed.contains(&uri) {
            let message = format!("the server does not tell when {uri} changes");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        give_up.disarm();
        Ok(())
    }

    /// Waits until the server has answered to what was wanted in a generation; gives the resources that it tells about.
    async fn heard(&self, generation: u64) -> Result<BTreeSet<String>> {
        self.begin_listening();
        let patience = self.inner.limits.call_silence;
        let mut heard = self.inner.listening.heard.subscribe();
        let answered = heard.wait_for(|heard| heard.generation >= generation);
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(heard)) => match &heard.outcome {
                Ok(agreed) => Ok(agreed.clone()),
                Err((kind, message)) => Err(Error::new(*kind, message.clone())),
            },
            // The sender is in this client.
            Ok(Err(_)) => Err(Error::new(ErrorKind::Closed, "the client is closed")),
            Err(_) => {
                let message =
                    format!("the server did not acknowledge subscriptions/listen within {patience:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// Begins to listen for changes of lists, if somebody wants to hear of them. Gives the server a moment to agree, so that what happens
    /// after the connection was made is heard.
    pub(super) async fn begin_subscriptions(&self) {
        if self.protocol_version().era() == Era::Handshake || !self.inner.listening.has_wishes() {
            return;
        }
        self.begin_listening();
        let mut heard = self.inner.listening.heard.subscribe();
        let agreed = heard.wait_for(|heard| heard.generation > 0);
        if tokio::time::timeout(self.inner.limits.probe, agreed).await.is_err() {
            tracing::debug!("the server has not acknowledged subscriptions/listen yet");
        }
    }

    /// Starts the task that listens, unless it runs.
    fn begin_listening(&self) {
        if self.inner.listening.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        // It does not keep the client alive, and ends with it.
        let listener = self.without_handle();
        let runtime = match &self.inner.channel {
            Channel::Stream(stream) => &stream.runtime,
            Channel::Http(http) => http.runtime(),
        };
        runtime.spawn(listener.listen());
    }

    /// Keeps a stream of notifications open for whatever is wanted, until the client ends.
    async fn listen(self) {
        let listening = &self.inner.listening;
        let _over = HearOnDrop(listening);
        let mut wishes = listening.wanted.subscribe();
        let mut acknowledged = listening.take_acknowledged();
        let mut current: Option<Stream> = None;
        let mut pauses = Pauses::default();
        loop {
            let wanted = wishes.borrow_and_update().clone();
            if wanted.is_nothing() {
                current = None;
                listening.hear(wanted.generation, Ok(BTreeSet::new()));
                if !self.is_open_until(wishes.changed()).await {
                    return;
                }
                continue;
            }
            // The stream before stays open until the next is acknowledged, so that nothing is missed.
            let mut next = Stream::open(&self, &wanted);
            let opened = loop {
                tokio::select! {
                    filter = agreed(&next.number, &mut acknowledged) => break Opened::Agreed(filter),
                    ended = &mut next.ended => break Opened::Ended(ended),
                    _ = wishes.changed() => break Opened::Changed,
                    _ = end_of(&mut current) => current = None,
                }
            };
            let ended = match opened {
                Opened::Changed => continue,
                Opened::Ended(ended) => ended,
                Opened::Agreed(filter) => {
                    pauses = Pauses::default();
                    let agreed = filter.resource_subscriptions.into_iter().flatten().collect();
                    listening.hear(wanted.generation, Ok(agreed));
                    current = Some(next);
                    tokio::select! {
                        ended = end_of(&mut current) => ended,
                        _ = wishes.changed() => continue,
                    }
                }
            };
            current = None;
            let why = match ended {
                // The server ended it on purpose (2026-07-28, subscriptions, "Graceful Closure").
                Ok(_) => Error::new(ErrorKind::Closed, "the server has closed the stream of notifications"),
                Err(error) if self.is_over() || is_final(&error) => error,
                Err(error) => match pauses.next() {
                    Some(pause) => {
                        tracing::debug!(%error, "the stream of notifications broke");
                        // Something else that is wanted is wanted at once.
                        let pause = tokio::time::timeout(pause, wishes.changed());
                        if !self.is_open_until(async { pause.await.unwrap_or(Ok(())) }).await {
                            return;
                        }
                        continue;
                    }
                    None => error,
                },
            };
            tracing::debug!(error = %why, "no notifications are listened to until something else is wanted");
            listening.hear(wanted.generation, Err((why.kind(), why.to_string())));
            pauses = Pauses::default();
            if !self.is_open_until(wishes.changed()).await {
                return;
            }
        }
    }

    /// Waits for new wishes. False when the client ended before.
    async fn is_open_until(
        &self,
        changed: impl Future<Output = Result<(), watch::error::RecvError>>,
    ) -> bool {
        tokio::select! {
            changed = changed => changed.is_ok(),
            () = self.closed() => false,
        }
    }

    fn is_over(&self) -> bool {
        match &self.inner.channel {
            Channel::Stream(stream) => stream.connection.closed().is_some(),
            Channel::Http(http) => http.is_closed(),
        }
    }
}

/// Whether an error says that trying again is of no use.
fn is_final(error: &Error) -> bool {
    !error.may_pass()
}

/// No longer wants a subscription that came to nothing, unless it was wanted before.
struct UnwantOnDrop<'a> {
    client: &'a Client,
    uri: Option<&'a str>,
}

impl UnwantOnDrop<'_> {
    fn disarm(mut self) {
        self.uri = None;
    }
}

impl Drop for UnwantOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(uri) = self.uri {
            self.client.inner.listening.want(|wanted| _ = wanted.uris.remove(uri));
        }
    }
}

/// A stream of notifications. Dropping it closes it.
struct Stream {
    ended: Pin<Box<dyn Future<Output = Result<RawJson>> + Send>>,
    number: Arc<OnceLock<i64>>,
}

impl Stream {
    fn open(client: &Client, wanted: &Wanted) -> Self {
        let number = Arc::new(OnceLock::new());
        let params = SubscriptionsListenParams { notifications: wanted.filter(), ..Default::default() };
        let params = RawJson::of(&params).unwrap_or_else(|_| RawJson::empty_object());
        let call = Call::new(Method::Listen, params).timeout(FOR_EVER).max_timeout(FOR_EVER);
        let call = Call { number: Some(number.clone()), ..call };
        let client = client.without_handle();
        Self { ended: Box::pin(async move { client.call(call).await }), number }
    }
}

/// Tells whoever still waits, or is to wait, that nobody listens any more.
struct HearOnDrop<'a>(&'a Listening);

impl Drop for HearOnDrop<'_> {
    fn drop(&mut self) {
        let message = "the connection is closed".to_owned();
        self.0.hear(u64::MAX, Err((ErrorKind::Closed, message)));
    }
}

/// What became of a stream that was opened.
enum Opened {
    Agreed(SubscriptionFilter),
    Ended(Result<RawJson>),
    /// Something else is wanted.
    Changed,
}

/// Waits until the server has acknowledged a stream, and says to what it agreed.
async fn agreed(
    number: &OnceLock<i64>,
    acknowledged: &mut mpsc::Receiver<Acknowledged>,
) -> SubscriptionFilter {
    loop {
        match (acknowledged.recv().await, number.get()) {
            (Some((id, filter)), Some(number)) if id == RequestId::Number(*number) => return filter,
            (Some(_), _) => {}
            (None, _) => std::future::pending().await,
        }
    }
}

/// Waits for the end of a stream; for ever, if there is none.
async fn end_of(stream: &mut Option<Stream>) -> Result<RawJson> {
    match stream {
        Some(stream) => (&mut stream.ended).await,
        None => std::future::pending().await,
    }
}

/// The waits before a stream that broke is opened again.
struct Pauses {
    next: Duration,
    left: u32,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_PAUSE, left: MAX_ATTEMPTS }
    }
}

impl Pauses {
    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

/// The id of a stream, and to what the server agreed.
type Acknowledged = (RequestId, SubscriptionFilter);

/// What a client wants to be told of (stateless era), and what became of that.
pub(super) struct Listening {
    wanted: watch::Sender<Wanted>,
    heard: watch::Sender<Heard>,
    acknowledge: mpsc::Sender<Acknowledged>,
    acknowledged: Mutex<Option<mpsc::Receiver<Acknowledged>>>,
    is_running: AtomicBool,
}

#[derive(Clone, Default)]
struct Wanted {
    /// Grows with each change.
    generation: u64,
    tools: bool,
    prompts: bool,
    resources: bool,
    uris: BTreeSet<String>,
}

/// What became of the wishes of a generation, and of those before: the resources that the server tells about, or why it does not.
struct Heard {
    generation: u64,
    outcome: Result<BTreeSet<String>, (ErrorKind, String)>,
}

impl Listening {
    /// Wants to be told of the lists for which there is a handler, and which the server said may change.
    pub(super) fn new(handlers: &Handlers, declares: impl Fn(&[&str]) -> bool) -> Self {
        let wants = |list: &str| handlers.list_changed.is_some() && declares(&[list, "listChanged"]);
        let wanted = Wanted {
            generation: 1,
            tools: wants("tools"),
            prompts: wants("prompts"),
            resources: wants("resources"),
            uris: BTreeSet::new(),
        };
        let (acknowledge, acknowledged) = mpsc::channel(MAX_ACKNOWLEDGED);
        Self {
            wanted: watch::Sender::new(wanted),
            heard: watch::Sender::new(Heard { generation: 0, outcome: Ok(BTreeSet::new()) }),
            acknowledge,
            acknowledged: Mutex::new(Some(acknowledged)),
            is_running: AtomicBool::new(false),
        }
    }

    /// Takes what a server acknowledged.
    pub(super) fn acknowledged(&self, params: &RawJson) {
        let Ok(params) = params.to::<SubscriptionsAcknowledgedParams>() else {
            tracing::warn!("the server sent a malformed acknowledgment");
            return;
        };
        let Some(id) = subscription_id(params.meta.as_ref()) else { return };
        if self.acknowledge.try_send((id, params.notifications)).is_err() {
            tracing::debug!("an acknowledgment for which nobody waits");
        }
    }

    fn take_acknowledged(&self) -> mpsc::Receiver<Acknowledged> {
        let taken = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.unwrap_or_else(|| mpsc::channel(1).1)
    }

    /// Changes what is wanted; gives its generation.
    fn want(&self, change: impl FnOnce(&mut Wanted)) -> u64 {
        let mut generation = 0;
        self.wanted.send_modify(|wanted| {
            change(wanted);
            wanted.generation += 1;
            generation = wanted.generation;
        });
        generation
    }

    fn has_wishes(&self) -> bool {
        !self.wanted.borrow().is_nothing()
    }

    fn hear(&self, generation: u64, outcome: Result<BTreeSet<String>, (ErrorKind, String)>) {
        self.heard.send_replace(Heard { generation, outcome });
    }
}

impl Wanted {
    fn is_nothing(&self) -> bool {
        !self.tools && !self.prompts && !self.resources && self.uris.is_empty()
    }

    fn filter(&self) -> SubscriptionFilter {
        let wanted = |is_wanted: bool| is_wanted.then_some(true);
        SubscriptionFilter {
            tools_list_changed: wanted(self.tools),
            prompts_list_changed: wanted(self.prompts),
            resources_list_changed: wanted(self.resources),
            resource_subscriptions: (!self.uris.is_empty()).then(|| self.uris.iter().cloned().collect()),
            ..SubscriptionFilter::default()
        }
    }
}
