use std::sync::{PoisonError, RwLock};

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{ListRootsResult, Root};
use oxmcp_proto::{Era, Method};

use super::{Client, Connect};
use crate::{Error, Result};

/// The directories that a client shows its server: the answer to `roots/list`.
pub(super) struct Roots(RwLock<RawJson>);

impl Roots {
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if the URI of one is no `file://` URI.
    pub(super) fn new(roots: Vec<Root>) -> Result<Self> {
        written(roots).map(RwLock::new).map(Self)
    }

    pub(super) fn list(&self) -> RawJson {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, roots: Vec<Root>) -> Result<()> {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = written(roots)?;
        Ok(())
    }
}

fn written(roots: Vec<Root>) -> Result<RawJson> {
    if let Some(root) = roots.iter().find(|root| !root.uri.starts_with("file://")) {
        return Err(Error::misuse(format!("the root {:?} is no file:// URI, as roots have to be", root.uri)));
    }
    let result = ListRootsResult { roots, ..ListRootsResult::default() };
    RawJson::of(&result).map_err(|error| Error::misuse("the roots have no JSON").with_source(error))
}

impl Connect {
    /// Declares roots, and shows the server these: the directories and files on which it may work. [`Client::set_roots`] changes them. A URI
    /// that does not begin with `file://` fails the connection as a [`Misuse`](ErrorKind::Misuse).
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// # use oxmcp::model::Root;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0");
    /// let client = Client::connect(server).roots([Root::new("file:///home/me/project")]).await?;
    /// client.set_roots([Root::new("file:///home/me/other")])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn roots(mut self, roots: impl IntoIterator<Item = Root>) -> Self {
        match Roots::new(roots.into_iter().collect()) {
            Ok(roots) => self.handlers.roots = Some(roots),
            Err(error) => self.misuse = Some(error),
        }
        self
    }
}

impl Client {
    /// Shows the server other roots. Through 2025-11-25 it is told that they have changed; from 2026-07-28 on it asks anew whenever it
    /// needs them.
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if the client did not declare roots with [`Connect::roots`](super::Connect::roots), or if one is no
    /// `file://` URI.
    pub fn set_roots(&self, roots: impl IntoIterator<Item = Root>) -> Result<()> {
        let Some(current) = &self.inner.inbound.handlers().roots else {
            return Err(Error::misuse(
                "this client did not declare roots; say `.roots(...)` when it connects",
            ));
        };
        current.replace(roots.into_iter().collect())?;
        if self.protocol_version().era() == Era::Stateless {
            return Ok(());
        }
        self.tell(Method::RootsListChanged.into(), RawJson::empty_object());
        Ok(())
    }
}
