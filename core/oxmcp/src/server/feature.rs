use super::Server;
use crate::Result;

/// Something that a server can be given: a [`tool`](super::tool()), a [`resource`](super::resource()), a
/// [`resource_template`](super::resource_template()) or a [`prompt`](super::prompt()), with all that can be said of it.
pub trait Feature {
    /// Adds it to a server.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if its definition makes no sense.
    fn add_to(self, server: &Server) -> Result<()>;
}

impl Server {
    /// Gives the server a feature, in place of an older one of that name or URI.
    ///
    /// ```
    /// use oxmcp::Server;
    /// use oxmcp::server::{prompt, resource, tool};
    ///
    /// let server = Server::new("demo", "1.0.0")
    ///     .with(tool("now", || async { "noon" }).title("What time is it?").read_only())
    ///     .with(resource("demo://motto", "motto", "Carpe diem").title("A motto"))
    ///     .with(prompt("greet", || async { "Say hello." }).title("A greeting"));
    /// ```
    ///
    /// # Panics
    ///
    /// If its definition makes no sense; see [`add`](Self::add).
    #[must_use]
    pub fn with(self, feature: impl Feature) -> Self {
        if let Err(error) = self.add(feature) {
            panic!("{error}");
        }
        self
    }

    /// The same while the server runs: clients that listen for changes are told.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if its definition makes no sense.
    pub fn add(&self, feature: impl Feature) -> Result<()> {
        feature.add_to(self)
    }
}
