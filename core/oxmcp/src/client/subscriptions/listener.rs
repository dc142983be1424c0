use std::collections::BTreeSet;
use std::future::pending;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oxmcp_proto::jsonrpc::{RawJson, codes};
use oxmcp_proto::model::{SubscriptionFilter, SubscriptionsListenParams};
use tokio::sync::watch;

use super::listening::{Listening, Why};
use super::stream::{Ended, Stream};
use super::wanted::{Asked, Wanted};
use crate::auth::Effort;
use crate::client::{Channel, Client};
use crate::pauses::Pauses;
use crate::{Error, ErrorKind, clock};

/// The pauses before a stream that ended is opened again. With their random part they come to a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(40);

/// How long a stream has to last for the pauses to begin anew.
const STEADY: Duration = Duration::from_secs(10);

/// How long wishes gather before a stream is opened for them in place of the one that there is.
const GATHERING: Duration = Duration::from_millis(5);

impl Client {
    /// Keeps a stream of notifications open for as long as something is wanted, until the client ends.
    pub(super) async fn listen(self) {
        let listening = &self.inner.listening;
        let _over = HearOnDrop(listening);
        let mut listener = Listener {
            client: &self,
            listening,
            wishes: listening.wanted.subscribe(),
            current: None,
            pauses: Pauses::new(FIRST_PAUSE, LONGEST_PAUSE),
            has_gap: false,
            is_begun: false,
        };
        while listener.step().await {}
    }

    /// Whether the connection is over, so that nothing can be asked any more.
    pub(in crate::client) fn is_over(&self) -> bool {
        match &self.inner.channel {
            Channel::Stream(stream) => stream.connection.closed().is_some(),
            Channel::Http(http) => http.is_closed(),
        }
    }
}

/// Tells whoever still waits, or is to wait, that nobody listens any more.
struct HearOnDrop<'a>(&'a Listening);

impl Drop for HearOnDrop<'_> {
    fn drop(&mut self) {
        let closed = Error::new(ErrorKind::Closed, "the connection is closed");
        self.0.hear(u64::MAX, Err(Why::from(&closed)));
    }
}

/// What keeps a stream open.
struct Listener<'a> {
    client: &'a Client,
    listening: &'a Listening,
    wishes: watch::Receiver<Wanted>,
    current: Option<Current>,
    pauses: Pauses,
    /// Whether there may have been something to hear when nobody listened.
    has_gap: bool,
    /// Whether a stream was tried to be opened.
    is_begun: bool,
}

/// The stream that the server has acknowledged.
struct Current {
    stream: Stream,
    params: RawJson,
    /// The resources of which the server tells.
    agreed: Arc<BTreeSet<String>>,
    since: Instant,
}

/// When a stream is tried to be opened again.
struct Again {
    pause: Duration,
    /// Not before the client has other tokens, if its user would have to be asked for them.
    is_unauthorized: bool,
}

/// What came of opening a stream.
enum Opened {
    Agreed,
    Ended(Ended),
    /// The server neither acknowledges nor ends it, and something else is wanted.
    Silent,
}

impl Listener<'_> {
    /// Does what is wanted now, until something else is, or the stream has ended and it is time for another. False when the client has
    /// ended.
    async fn step(&mut self) -> bool {
        let Asked { generation, params, is_waited_for } = self.wishes.borrow_and_update().ask();
        let Some(params) = params else {
            self.current = None;
            self.has_gap = false;
            self.listening.hear(generation, Ok(Arc::default()));
            return self.until_wanted(generation, None).await;
        };
        if self.current.as_ref().is_none_or(|current| current.params != params) {
            // Whoever has just connected is there to be asked, and whoever has just subscribed.
            let effort = if is_waited_for || !self.is_begun { Effort::Full } else { Effort::Quiet };
            self.is_begun = true;
            match self.open(params, effort).await {
                Opened::Agreed => {}
                Opened::Ended(ended) => return self.after(ended, generation).await,
                Opened::Silent => return true,
            }
        }
        if let Some(current) = &self.current {
            self.listening.hear(generation, Ok(current.agreed.clone()));
        }
        tokio::select! {
            ended = end_of(&mut self.current) => {
                self.lose_current();
                self.after(ended, generation).await
            }
            _ = self.wishes.changed() => {
                tokio::time::sleep(GATHERING).await;
                true
            }
        }
    }

    /// Opens a stream. The one before stays open until this one is acknowledged, so that nothing is missed.
    async fn open(&mut self, params: RawJson, effort: Effort) -> Opened {
        let mut next = Stream::open(self.client, params.clone(), effort);
        let patience = self.client.inner.limits.call_silence;
        let filter = {
            let mut acknowledged = pin!(next.acknowledged());
            // A server that never acknowledges may tell nevertheless.
            let mut unheard = pin!(async {
                tokio::time::sleep(patience).await;
                self.wishes.changed().await
            });
            loop {
                tokio::select! {
                    acknowledged = &mut acknowledged => match acknowledged {
                        Ok(filter) => break filter,
                        Err(ended) => return Opened::Ended(ended),
                    },
                    _ = &mut unheard => return Opened::Silent,
                    _ = end_of(&mut self.current) => {
                        self.current = None;
                        self.has_gap = true;
                    }
                }
            }
        };
        warn_of_missing(&params, &filter);
        // What was kept is forgotten before anybody hears that the server agrees.
        if mem::take(&mut self.has_gap) | self.listening.was_late() {
            self.client.inner.inbound.missed();
        }
        let agreed = filter.resource_subscriptions.into_iter().flatten().collect();
        let agreed = Arc::new(agreed);
        self.current = Some(Current { stream: next, params, agreed, since: clock::now() });
        Opened::Agreed
    }

    /// Notes that the stream that there was has ended.
    fn lose_current(&mut self) {
        self.has_gap = true;
        if let Some(lost) = self.current.take()
            && clock::now().saturating_duration_since(lost.since) >= STEADY
        {
            self.pauses.reset();
        }
    }

    /// Waits until a stream may be opened in place of one that ended. False when the client has ended.
    async fn after(&mut self, ended: Ended, generation: u64) -> bool {
        if self.client.is_over() {
            return false;
        }
        self.has_gap |= self.current.is_none();
        let error = match ended {
            Ok(_) => Error::new(ErrorKind::Closed, "the server has closed the stream of notifications"),
            Err(error) => error,
        };
        let pause = if is_unknown(&error) { None } else { Some(self.pauses.next()) };
        tracing::debug!(%error, ?pause, "there is no stream of notifications");
        match error.may_pass() {
            // Whoever waits goes on waiting.
            true => self.listening.hear_of_trouble(&error),
            false => self.listening.hear(generation, Err(Why::from(&error))),
        }
        let again =
            pause.map(|pause| Again { pause, is_unauthorized: error.kind() == ErrorKind::Unauthorized });
        self.until_wanted(generation, again).await
    }

    /// Waits until something is asked for after a generation, or it is time to try `again`. False when the client has ended.
    async fn until_wanted(&mut self, generation: u64, again: Option<Again>) -> bool {
        let client = self.client;
        let mut paused = pin!(async {
            let Some(Again { pause, is_unauthorized }) = again else { return pending().await };
            tokio::time::sleep(pause).await;
            if let (true, Channel::Http(http)) = (is_unauthorized, &client.inner.channel)
                && let Some(authorizer) = http.authorizer()
            {
                authorizer.renewed().await;
            }
        });
        let mut closed = pin!(self.client.closed());
        let mut asked = pin!(async {
            // The sender is in the client.
            let _ = self.wishes.wait_for(|wanted| wanted.asked > generation).await;
        });
        loop {
            tokio::select! {
                () = &mut paused => return true,
                () = &mut asked => return true,
                () = &mut closed => return false,
                _ = end_of(&mut self.current) => {
                    self.current = None;
                    self.has_gap = true;
                }
            }
        }
    }
}

/// Waits for the end of a stream; for ever, if there is none.
async fn end_of(current: &mut Option<Current>) -> Ended {
    match current {
        Some(current) => current.stream.end().await,
        None => pending().await,
    }
}

/// Whether an error says that the server knows nothing of such streams, so that there is nothing to hope for.
fn is_unknown(error: &Error) -> bool {
    !error.may_pass() && error.rpc().is_some_and(|rpc| rpc.code == codes::METHOD_NOT_FOUND)
}

/// Says what of that which was asked for the server does not tell (2026-07-28, subscriptions, "Acknowledgment").
fn warn_of_missing(params: &RawJson, filter: &SubscriptionFilter) {
    let Ok(asked) = params.to::<SubscriptionsListenParams>() else { return };
    let asked = asked.notifications;
    for (list, asked, agreed) in [
        ("tools", asked.tools_list_changed, filter.tools_list_changed),
        ("prompts", asked.prompts_list_changed, filter.prompts_list_changed),
        ("resources", asked.resources_list_changed, filter.resources_list_changed),
    ] {
        if asked == Some(true) && agreed != Some(true) {
            tracing::warn!(list, "the server declares that the list changes, and does not tell when");
        }
    }
}
