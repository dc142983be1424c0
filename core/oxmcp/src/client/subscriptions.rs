mod listener;
mod listening;
mod missed;
mod stream;
mod waiting;
mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;

use oxmcp_proto::{Era, Method};
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Handle;

use super::{Channel, Client, ClientContext, Connect, Request, ServerList};
use crate::auth::within_rest;
use crate::{Error, ErrorKind, Result};

use self::waiting::Waiting;

pub(super) use self::listening::Listening;

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
    /// Wants to hear when a resource changes; see [`Connect::on_resource_updated`]. Returns when the server has agreed. Dropped before, nothing
    /// is left of the wish: a server that may have agreed meanwhile is told so.
    ///
    /// A stream of notifications that ends (2026-07-28), in whatever way, is opened again for as long as something is wanted, with pauses
    /// that grow to a minute; so is a session. What may have changed meanwhile is then told as changed.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) if the server did not declare that resources can be subscribed to, or does not agree;
    /// [`Overloaded`](ErrorKind::Overloaded) past [`Limits::subscriptions`](crate::Limits::subscriptions);
    /// [`Cancelled`](ErrorKind::Cancelled) if it is unsubscribed from meanwhile; otherwise as [`call`](Self::call).
    pub async fn subscribe(&self, uri: impl Into<String>) -> Result<()> {
        let capability = ["resources", "subscribe"];
        if !self.capabilities().declares(&capability) {
            let message = "the server did not declare the capability `resources.subscribe`";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let waiting = Waiting::new(self, uri.into())?;
        if self.protocol_version().era() == Era::Handshake {
            let ask = async |uri: &str| self.ask_about(Method::SubscribeResource, uri).await.map(drop);
            return waiting.subscribe(ask).await;
        }
        let agreed = self.heard(waiting.generation()).await?;
        let uri = waiting.uri();
        if !waiting.is_wanted() {
            let message = format!("{uri} was unsubscribed from before the server agreed to tell of it");
            return Err(Error::new(ErrorKind::Cancelled, message));
        }
        if !agreed.contains(uri) {
            let message = format!("the server does not tell when {uri} changes");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        waiting.agree();
        Ok(())
    }

    /// No longer wants to hear when a resource changes, however often it was subscribed to.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn unsubscribe(&self, uri: impl Into<String>) -> Result<()> {
        let uri = uri.into();
        if self.protocol_version().era() == Era::Handshake {
            self.ask_about(Method::UnsubscribeResource, &uri).await?;
        }
        self.inner.listening.change(|wanted| wanted.forget(&uri));
        Ok(())
    }

    /// Tells the server that nobody wants to hear of a resource any more.
    fn leave(&self, uri: String) {
        // It does not keep the client alive.
        let client = self.without_handle();
        self.runtime().spawn(async move {
            let patience = client.inner.limits.call_silence;
            let left = client.ask_about(Method::UnsubscribeResource, &uri).max_timeout(patience).await;
            if let Err(error) = left {
                tracing::debug!(%error, "a subscription that nobody waited for could not be ended");
            }
            client.inner.listening.change(|wanted| wanted.left(&uri));
        });
    }

    fn ask_about(&self, method: Method, uri: &str) -> Request<Value> {
        #[derive(Serialize)]
        struct Params<'a> {
            uri: &'a str,
        }
        Request::new(self, method, &Params { uri })
    }

    /// Waits until the server has answered to what was wanted in a generation; gives the resources that it tells about.
    async fn heard(&self, generation: u64) -> Result<Arc<BTreeSet<String>>> {
        self.begin_listening();
        let patience = self.inner.limits.call_silence;
        let listening = &self.inner.listening;
        let mut heard = listening.heard.subscribe();
        let answered = heard.wait_for(|heard| heard.generation >= generation);
        // What a user takes to authorize is not the server's time.
        let authorizer = match &self.inner.channel {
            Channel::Http(http) => http.authorizer(),
            Channel::Stream(_) => None,
        };
        match within_rest(authorizer, patience, answered).await {
            Ok(Ok(heard)) => heard.outcome.as_ref().cloned().map_err(Error::from),
            // The sender is in this client.
            Ok(Err(_)) => Err(Error::new(ErrorKind::Closed, "the client is closed")),
            Err(_) => {
                let what = format!("the server did not acknowledge subscriptions/listen within {patience:?}");
                let message = match &listening.heard.borrow().trouble {
                    Some(trouble) => format!("{what}; the last attempt failed: {trouble}"),
                    None => what,
                };
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// Begins to listen for changes of lists, if somebody wants to hear of them. Gives the server a moment to agree, so that what happens
    /// after the connection was made is heard.
    pub(super) async fn begin_subscriptions(&self) {
        let listening = &self.inner.listening;
        if self.protocol_version().era() == Era::Handshake || !listening.has_wishes() {
            return;
        }
        self.begin_listening();
        let mut heard = listening.heard.subscribe();
        let agreed = heard.wait_for(|heard| heard.generation > 0);
        if tokio::time::timeout(self.inner.limits.probe, agreed).await.is_err() {
            listening.be_late();
            tracing::debug!("the server has not acknowledged subscriptions/listen yet");
        }
    }

    /// Starts the task that listens, unless it runs.
    fn begin_listening(&self) {
        if !self.inner.listening.begin() {
            return;
        }
        // It does not keep the client alive, and ends with it.
        let listener = self.without_handle();
        self.runtime().spawn(listener.listen());
    }

    fn runtime(&self) -> &Handle {
        match &self.inner.channel {
            Channel::Stream(stream) => &stream.runtime,
            Channel::Http(http) => http.runtime(),
        }
    }
}
