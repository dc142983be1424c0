use oxmcp_proto::link::{CallError, CloseReason};
use oxmcp_proto::negotiation::{ClientNegotiation, Offer, Reply, Step};

use super::attempts::Attempts;
use crate::client::eras::Agreed;
use crate::client::inbound::Inbound;
use crate::client::stream::{StreamChannel, not_connected, open_stream};
use crate::{Command, Limits, Result};

/// Starts the server and negotiates. A server that exits over the probe is started once more, and asked in the old way.
pub(super) async fn connect_command(
    command: &Command,
    offer: &Offer,
    limits: &Limits,
    attempts: &Attempts,
    inbound: &Inbound,
) -> Result<(Agreed, StreamChannel)> {
    let mut stream = open_command(command, limits, attempts, inbound)?;
    let mut may_restart = true;
    let (mut negotiation, mut step) = ClientNegotiation::start(offer.clone());
    loop {
        let reply = match step {
            Step::Done(negotiated) => {
                stream.begin(&negotiated).await;
                let is_said = !stream.has_late_probe();
                return Ok((Agreed { negotiated: *negotiated, is_said }, stream));
            }
            Step::Failed(error) => return Err(error.into()),
            Step::Request { method, version, ref params, is_probe } => {
                match stream.ask(method, version, params, is_probe, offer, limits).await {
                    Ok(reply) => reply,
                    Err(CallError::Closed(reason) | CallError::Unsent(reason))
                        if is_probe
                            && may_restart
                            && matches!(reason, CloseReason::PeerClosed | CloseReason::PeerExited(_)) =>
                    {
                        may_restart = false;
                        stream = open_command(command, limits, attempts, inbound)?;
                        Reply::Refused
                    }
                    Err(error) => return Err(not_connected(error, &command.program().to_string_lossy())),
                }
            }
        };
        step = negotiation.handle(reply);
    }
}

fn open_command(
    command: &Command,
    limits: &Limits,
    attempts: &Attempts,
    inbound: &Inbound,
) -> Result<StreamChannel> {
    let (child, stdout, stdin) = command.spawn()?;
    let child = Some((child, command.noise()));
    let stream = open_stream(Box::pin(stdout), Box::pin(stdin), child, limits, inbound.clone());
    attempts.add(stream.released.clone());
    Ok(stream)
}
