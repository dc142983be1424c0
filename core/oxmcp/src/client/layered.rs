//! What a client sends, on its way through the layers.

use std::future::Future;

use oxmcp_proto::Method;
use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::{MethodName, RawJson};
use oxmcp_proto::negotiation::Reply;

use super::inbound::Inbound;
use super::params::MetaMembers;
use super::{Call, Channel, Client, Connect};
use crate::layer::{Direction, Failed, Id, Layer, LayerRequest, Layers, into_rpc};
use crate::{Error, ErrorKind, Result};

impl Connect {
    /// Adds a layer, inside of those that were added before: it sees every message of this client and its server, those that negotiate
    /// too, and may change or stop it. See [`layer`](crate::layer).
    ///
    /// ```
    /// use oxmcp::layer::{LayerRequest, Next, from_fn};
    /// # use oxmcp::{Client, Server};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0");
    /// let client = Client::connect(server)
    ///     .layer(from_fn(|request: LayerRequest, next: Next| async move {
    ///         println!("{:?} {} {}", request.direction(), request.method(), request.params().as_str());
    ///         next.run(request).await
    ///     }))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers = Some(Layers::with(self.layers.as_ref(), layer));
        self
    }
}

impl Client {
    /// Sends one request by way of the layers.
    pub(super) async fn send_in_layers(&self, layers: &Layers, call: &Call) -> Result<RawJson> {
        let params = self.check(call)?;
        let mut said = Vec::with_capacity(call.params.as_bytes().len());
        params.write(&MetaMembers { more: &call.meta, ..MetaMembers::default() }, &mut said);
        let number = call.number.clone().unwrap_or_default();
        let request = self.inner.inbound.outgoing(
            call.method.clone(),
            RawJson::from_written(said),
            Id::WhenSent(number.clone()),
            None,
        );
        let (client, call) = (self.clone(), Call { meta: Vec::new(), number: Some(number), ..call.clone() });
        layers
            .through(request, move |request| async move {
                client.send_or_find(&Call { params: request.into_params(), ..call }).await
            })
            .await
    }

    /// Tells the server something, by way of the layers if there are some.
    pub(super) fn tell(&self, method: MethodName, params: RawJson) {
        let inbound = &self.inner.inbound;
        let Some(layers) = inbound.layers() else { return self.tell_at_end(&method, &params) };
        let notification = inbound.outgoing(method, params, Id::Notification, None);
        let runtime = match &self.inner.channel {
            Channel::Stream(stream) => &stream.runtime,
            Channel::Http(http) => http.runtime(),
        };
        let client = self.without_handle();
        let later = move |notification: LayerRequest| {
            client.tell_at_end(notification.method_name(), notification.params());
        };
        if let Some(notification) = layers.admit(notification, runtime, later).now() {
            self.tell_at_end(notification.method_name(), notification.params());
        }
    }

    fn tell_at_end(&self, method: &MethodName, params: &RawJson) {
        match &self.inner.channel {
            Channel::Stream(stream) => {
                stream.connection.notify_of(method.as_str(), params.as_bytes());
            }
            Channel::Http(http) => http.notify_of(method.as_str().to_owned().into(), params.as_bytes()),
        }
    }
}

impl Inbound {
    /// A message to the server; `version` is the revision, where none is agreed on yet.
    pub(super) fn outgoing(
        &self,
        method: MethodName,
        params: RawJson,
        id: Id,
        version: Option<ProtocolVersion>,
    ) -> LayerRequest {
        LayerRequest::new(Direction::Outgoing, method, Some(params), id, self.facts(version))
    }

    /// Sends a request of the negotiation by way of the layers, if there are some; `end` is what sends it.
    pub(super) async fn negotiate<E, F>(
        &self,
        (method, version, params): (Method, ProtocolVersion, &RawJson),
        end: impl FnOnce(RawJson) -> F + Send + 'static,
    ) -> Result<Reply, E>
    where
        E: ToString + Send + 'static,
        F: Future<Output = Result<Reply, E>> + Send + 'static,
    {
        let Some(layers) = self.layers().cloned() else { return end(params.clone()).await };
        let request = self.outgoing(method.into(), params.clone(), Id::Unknown, Some(version));
        let sent = layers.around(request, describe::<E>, |request| async move {
            match end(request.into_params()).await {
                Ok(Reply::Result(result)) => Ok(result),
                other => Err(other),
            }
        });
        match sent.await {
            Ok(result) => Ok(Reply::Result(result)),
            Err(Failed::AtEnd(other)) => other,
            Err(Failed::InLayer(error)) => Ok(Reply::Error(into_rpc(&error))),
        }
    }

    /// Takes a notification through the layers, if there are some. Gives its parameters; `None` when it is to go no further.
    pub(super) async fn let_out(&self, method: Method, params: RawJson) -> Option<RawJson> {
        let Some(layers) = self.layers() else { return Some(params) };
        let notification = self.outgoing(method.into(), params, Id::Notification, None);
        layers.pass(notification).await.map(LayerRequest::into_params)
    }
}

/// What layers see of a request of the negotiation that has no result.
fn describe<E: ToString>(other: &Result<Reply, E>) -> Error {
    match other {
        Ok(Reply::Error(error)) => error.clone().into(),
        Ok(Reply::Silence) => Error::new(ErrorKind::Timeout, "the server did not answer in time"),
        Ok(Reply::Refused | Reply::Result(_)) => {
            Error::new(ErrorKind::Connect, "the server refused the request")
        }
        Err(error) => Error::new(ErrorKind::Connect, error.to_string()),
    }
}
