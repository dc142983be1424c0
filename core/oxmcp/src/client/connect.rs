mod attempts;
mod command;
mod stateless_meta;
mod url;

use std::future::{Future, IntoFuture};

use futures_util::future::BoxFuture;
use oxmcp_proto::model::{ClientCapabilities, Implementation};
use oxmcp_proto::negotiation::{Negotiated, Offer};
use oxmcp_proto::{Era, ProtocolVersion};

use self::attempts::Attempts;
use self::command::connect_command;
use self::url::connect_url;
use super::anew::Relisting;
use super::cache::Cache;
use super::catalog::Catalog;
use super::eras::Way;
use super::handlers::Handlers;
use super::inbound::Inbound;
use super::logging::LogLevel;
use super::stream::{open_memory, open_stream};
use super::subscriptions::Listening;
use super::target::Target;
use super::tasks::Told;
use super::{Channel, Client, Inner, eras};
use crate::auth::{Authorization, Authorizer, Secret, check_confidential, within_rest};
use crate::layer::{Carrier, Layers};
use crate::transport::http::Access;
use crate::transport::socket::{Halves, connect_tcp, connect_unix};
use crate::{Error, ErrorKind, Limits, Result};

pub(super) use self::stateless_meta::stateless_meta;

/// A connection about to be made. Await it, or set how first.
#[must_use = "a connection is not made until it is awaited"]
pub struct Connect {
    target: Target,
    pub(super) offer: Offer,
    headers: Vec<(String, String)>,
    /// Whether a token is among them.
    has_token: bool,
    authorization: Option<Authorization>,
    limits: Limits,
    pub(super) handlers: Handlers,
    checks_output: bool,
    pub(super) layers: Option<Layers>,
    /// What was set in a wrong way; the connection fails with it.
    pub(super) misuse: Option<Error>,
    given_up: BoxFuture<'static, ()>,
}

impl Connect {
    pub(super) fn new(target: Target) -> Self {
        let client_info = Implementation::new("oxmcp", env!("CARGO_PKG_VERSION"));
        let offer =
            Offer { client_info, capabilities: ClientCapabilities::default(), only: None, remembered: None };
        let given_up = Box::pin(std::future::pending());
        Self {
            target,
            offer,
            headers: Vec::new(),
            has_token: false,
            authorization: None,
            limits: Limits::default(),
            handlers: Handlers::default(),
            checks_output: true,
            layers: None,
            misuse: None,
            given_up,
        }
    }

    /// Who this client says it is.
    pub fn client_info(mut self, info: Implementation) -> Self {
        self.offer.client_info = info;
        self
    }

    /// Speaks this revision or none, instead of negotiating.
    pub fn only(mut self, version: ProtocolVersion) -> Self {
        self.offer.only = Some(version);
        self
    }

    /// Adds a header to every HTTP request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a token with every HTTP request that was given for this server, and never to another. It does not go through public networks in
    /// the clear: `http` is for this machine and private networks.
    pub fn bearer_token(mut self, token: impl Into<Secret>) -> Self {
        self.has_token = true;
        self.header("Authorization", format!("Bearer {}", token.into().expose()))
    }

    /// How the client is authorized, if the server wants it. Over HTTP alone: what runs in the user's own environment takes its credentials
    /// from there (2026-07-28, authorization, "Protocol Requirements"). The user has [`Authorization::patience`] beyond the limits of
    /// connecting and of calls.
    pub fn authorization(mut self, authorization: Authorization) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// Whether the structured results of tools are checked against their `outputSchema`, as far as the tools have been listed. A result
    /// that breaks it fails its call as [`Protocol`](ErrorKind::Protocol). Default: they are.
    pub fn check_output(mut self, check: bool) -> Self {
        self.checks_output = check;
        self
    }

    /// What the client holds at most, and how long it waits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Gives up when `signal` is done before a revision is agreed on: it fails with [`Cancelled`](ErrorKind::Cancelled) when the
    /// processes started for it are gone, and its session at the server ended. Dropping the future ends them too, but does not wait.
    pub fn give_up_when(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.given_up = Box::pin(signal);
        self
    }

    async fn run(mut self) -> Result<Client> {
        let time = self.limits.connect;
        let attempts = Attempts::default();
        let given_up = std::mem::replace(&mut self.given_up, Box::pin(std::future::pending()));
        let authorizer = self.authorizer()?;
        let connect = self.connect(authorizer.clone(), &attempts);
        let connected = tokio::select! {
            connected = within_rest(authorizer.as_ref(), time, connect) => connected.unwrap_or_else(|_| {
                let message = format!("the server did not agree on a protocol version within {time:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            }),
            () = given_up => Err(Error::new(ErrorKind::Cancelled, "this side gave up connecting")),
        };
        match connected {
            Ok(client) => {
                // That takes no time from the negotiation, and has a limit of its own.
                client.begin_logging().await;
                client.begin_subscriptions().await;
                Ok(client)
            }
            Err(error) => {
                attempts.released().await;
                // Whatever became of what was sent, it was no call.
                Err(error.running(false))
            }
        }
    }

    fn authorizer(&mut self) -> Result<Option<Authorizer>> {
        if let (true, Target::Url(url)) = (self.has_token, &self.target)
            && let Ok(url) = ::url::Url::parse(url)
        {
            check_confidential(&url, &[])?;
        }
        match (self.authorization.take(), &self.target) {
            (None, _) => Ok(None),
            (Some(plan), Target::Url(url)) => Authorizer::new(plan, url).map(Some),
            (Some(_), _) => Err(Error::misuse(
                "servers are authorized over HTTP alone; give this one its credentials in its environment",
            )),
        }
    }

    async fn connect(self, authorizer: Option<Authorizer>, attempts: &Attempts) -> Result<Client> {
        let Self { target, mut offer, headers, limits, handlers, checks_output, layers, misuse, .. } = self;
        if let Some(misuse) = misuse {
            return Err(misuse);
        }
        handlers.declare(&mut offer.capabilities);
        let carrier = match &target {
            Target::Url(_) => Carrier::Http,
            Target::Command(_) => Carrier::Stdio,
            _ => Carrier::Stream,
        };
        let layers = layers.map(|layers| layers.over(carrier));
        let inbound = Inbound::new(handlers, offer.capabilities.clone(), &limits, layers);
        let (negotiated, channel) = match target {
            Target::Url(url) => {
                connect_url(&url, Access { headers, authorizer }, &mut offer, &limits, attempts, &inbound)
                    .await?
            }
            Target::Command(command) => {
                let server = eras::Server::started_by(&command);
                offer.remembered = server.recall().map(Way::era);
                let (agreed, stream) = connect_command(&command, &offer, &limits, attempts, &inbound).await?;
                remember(Some(server), &offer, agreed.way());
                (agreed.negotiated, Channel::Stream(stream))
            }
            Target::Server(server) => {
                let stream = open_memory(&server, &limits, inbound.clone());
                attempts.add(stream.released.clone());
                (stream.negotiate_once(&offer, &limits).await?, Channel::Stream(stream))
            }
            Target::Tcp(address) => {
                negotiate_over(connect_tcp(&address).await?, &offer, &limits, &inbound, attempts).await?
            }
            Target::Unix(path) => {
                negotiate_over(connect_unix(&path).await?, &offer, &limits, &inbound, attempts).await?
            }
            Target::Stream(reader, writer) => {
                negotiate_over((reader, writer), &offer, &limits, &inbound, attempts).await?
            }
            Target::Transport(transport) => {
                negotiate_over(transport.open(), &offer, &limits, &inbound, attempts).await?
            }
        };
        let meta = (negotiated.version.era() == Era::Stateless)
            .then(|| stateless_meta(negotiated.version, &offer).into_boxed_str());
        let extensions =
            offer.capabilities.extensions.iter().flatten().map(|(name, _)| name.as_str().into()).collect();
        let log_level = LogLevel::new(&negotiated, inbound.handlers());
        let (wire, is_http) = (negotiated.version.wire(), matches!(channel, Channel::Http(_)));
        let has_headers = wire.method_headers && is_http;
        let checks_output = checks_output && wire.structured_content;
        let keeps_hints = is_http && limits.retries > 0;
        let catalog = Catalog::new(has_headers, checks_output, keeps_hints, limits.list_bytes);
        let declares = |capability: &[&str]| negotiated.capabilities.declares(capability);
        let listening = Listening::new(inbound.handlers(), declares);
        let cache = Cache::new(negotiated.version, &limits);
        let client = Client::new(Inner {
            negotiated,
            channel,
            limits,
            extensions,
            meta,
            inbound,
            log_level,
            catalog,
            relisting: Relisting::default(),
            listening,
            told: Told::default(),
            cache,
        });
        Ok(client)
    }
}

/// Negotiates over a stream of lines that cannot be opened again.
async fn negotiate_over(
    (reader, writer): Halves,
    offer: &Offer,
    limits: &Limits,
    inbound: &Inbound,
    attempts: &Attempts,
) -> Result<(Negotiated, Channel)> {
    let stream = open_stream(reader, writer, None, limits, inbound.clone());
    attempts.add(stream.released.clone());
    Ok((stream.negotiate_once(offer, limits).await?, Channel::Stream(stream)))
}

/// A pinned revision says nothing about what the server would choose.
fn remember(server: Option<eras::Server>, offer: &Offer, way: Option<Way>) {
    if let (Some(server), None, Some(way)) = (server, offer.only, way) {
        server.remember(way);
    }
}

impl IntoFuture for Connect {
    type Output = Result<Client>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
