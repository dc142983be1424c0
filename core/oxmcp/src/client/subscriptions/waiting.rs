use std::mem;

use super::Listening;
use super::wanted::Wanted;
use crate::client::Client;
use crate::{Error, ErrorKind, Result};

/// Somebody who waits for the server to agree to tell of a resource. Dropped before, nothing is left of the wish: a server that was asked is
/// told so, unless somebody else wants the same.
pub(super) struct Waiting<'a> {
    client: &'a Client,
    uri: String,
    generation: u64,
    is_agreed: bool,
    /// Whether the server may take the client to be subscribed, without having said so (handshake era).
    may_be_subscribed: bool,
}

impl<'a> Waiting<'a> {
    /// Wants to hear of a resource, for as long as this is not dropped; for good if it is [told](Self::agree) that the server agrees.
    pub(super) fn new(client: &'a Client, uri: String) -> Result<Self> {
        let limit = client.inner.limits.subscriptions;
        match client.inner.listening.change(|wanted| wanted.want(&uri, limit)) {
            Some(generation) => {
                Ok(Self { client, uri, generation, is_agreed: false, may_be_subscribed: false })
            }
            None => {
                let message = format!("the client is subscribed to {limit} resources, its limit");
                Err(Error::new(ErrorKind::Overloaded, message))
            }
        }
    }

    fn listening(&self) -> &'a Listening {
        &self.client.inner.listening
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it is still wanted, and was not unsubscribed from meanwhile.
    pub(super) fn is_wanted(&self) -> bool {
        self.listening().wanted.borrow().wants(&self.uri)
    }

    /// Asks the server with `ask` to tell of it. Somebody who wanted it before may just be leaving: that comes first.
    pub(super) async fn subscribe(mut self, ask: impl AsyncFnOnce(&str) -> Result<()>) -> Result<()> {
        let mut wanted = self.listening().wanted.subscribe();
        // The sender is in the client.
        let _ = wanted.wait_for(|wanted| !wanted.is_leaving(&self.uri)).await;
        self.may_be_subscribed = true;
        let asked = ask(&self.uri).await;
        match asked {
            Ok(()) => self.agree(),
            Err(error) => {
                self.may_be_subscribed = error.may_have_run();
                return Err(error);
            }
        }
        Ok(())
    }

    /// The server has agreed.
    pub(super) fn agree(mut self) {
        self.is_agreed = true;
        self.listening().change(|wanted| wanted.agree(&self.uri, self.generation));
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.is_agreed {
            return;
        }
        let give_up =
            |wanted: &mut Wanted| wanted.give_up(&self.uri, self.generation, self.may_be_subscribed);
        let leaves = self.listening().change(give_up);
        if leaves {
            self.client.leave(mem::take(&mut self.uri));
        }
    }
}
