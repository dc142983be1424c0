use oxmcp_proto::Era;
use oxmcp_proto::negotiation::{Negotiated, Offer};

use super::attempts::Attempts;
use super::remember;
use crate::client::Channel;
use crate::client::eras::{self, Way};
use crate::client::http::{HttpChannel, NotOpened, SseServer};
use crate::client::inbound::Inbound;
use crate::client::stream::open_sse;
use crate::transport::http::Access;
use crate::{Limits, Result};

/// Connects over Streamable HTTP, or over HTTP+SSE to a server that refuses that as one does that knows no other (2025-11-25, transports,
/// "Backwards Compatibility").
pub(super) async fn connect_url(
    url: &str,
    access: Access,
    offer: &mut Offer,
    limits: &Limits,
    attempts: &Attempts,
    inbound: &Inbound,
) -> Result<(Negotiated, Channel)> {
    let server = eras::Server::at(url);
    let way = server.and_then(eras::Server::recall);
    let is_allowed = offer.only.is_none_or(|version| version.era() == Era::Handshake);
    let sse = async || SseServer::open(url, access.clone(), limits).await;
    let over = async |sse: SseServer, offer: &Offer| {
        let stream = open_sse(sse, limits, inbound.clone());
        attempts.add(stream.released.clone());
        let negotiated = stream.negotiate_once(offer, limits).await?;
        remember(server, offer, Some(Way::Sse));
        Ok((negotiated, Channel::Stream(stream)))
    };
    offer.remembered = way.map(Way::era);
    if way == Some(Way::Sse) && is_allowed {
        match sse().await {
            Ok(sse) => return over(sse, offer).await,
            // Whoever said no just now is not asked again.
            Err(NotOpened { error, is_unauthorized: true }) => return Err(error),
            Err(NotOpened { error, .. }) => {
                tracing::debug!(%error, "there is no server of HTTP+SSE any more");
            }
        }
    }
    let http = HttpChannel::new(url, access.clone(), offer, limits, inbound.clone()).await?;
    attempts.add(http.released());
    let refused = match http.negotiate(offer, limits).await {
        Ok(agreed) => {
            match (agreed.way(), server, offer.only) {
                // Whoever may have been away for a moment is not probed at each connection.
                (None, Some(server), None) => server.guess(Way::Era(agreed.negotiated.version.era())),
                (way, ..) => remember(server, offer, way),
            }
            return Ok((agreed.negotiated, Channel::Http(http)));
        }
        Err(refused) => refused,
    };
    if !(refused.may_be_sse && is_allowed) {
        return Err(refused.error);
    }
    match sse().await {
        Ok(sse) => {
            offer.remembered = Some(Era::Handshake);
            over(sse, offer).await
        }
        Err(NotOpened { error, is_unauthorized: true }) => Err(error),
        Err(NotOpened { error, .. }) => {
            tracing::debug!(%error, "nor is there a server of HTTP+SSE");
            Err(refused.error)
        }
    }
}
