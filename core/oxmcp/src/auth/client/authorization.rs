use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::browser::Browser;
use super::credentials::ClientCredentials;
use super::enterprise::Enterprise;
use super::grant::{Code, Grant};
use super::user_agent::UserAgent;
use super::workload::Workload;
use crate::auth::Scopes;
use crate::auth::names::{Names, SystemNames};
use crate::store::{MemoryTokens, TokenStore};
use crate::{Error, Result};

/// How a client is authorized by servers that want it (2026-07-28, authorization). Nothing happens until a server asks: then the
/// client finds out who grants access to it, gets tokens, and sends its request again. It refreshes them when they expire.
///
/// A program on its user's machine, which opens the browser:
///
/// ```no_run
/// # async fn run() -> Result<(), oxmcp::Error> {
/// use oxmcp::Client;
/// use oxmcp::auth::Authorization;
///
/// let authorization = Authorization::code("Report Builder");
/// let client = Client::connect("https://mcp.example.com/mcp").authorization(authorization).await?;
/// # Ok(())
/// # }
/// ```
pub struct Authorization {
    pub(super) grant: Grant,
    pub(super) scopes: Scopes,
    pub(super) store: Arc<dyn TokenStore>,
    /// Whether others may use the store too.
    shares_store: bool,
    account: Option<String>,
    pub(super) dpop: Option<bool>,
    pub(super) patience: Duration,
    pub(super) named: Vec<Url>,
    /// How whatever servers name is found.
    pub(super) names: Arc<dyn Names>,
    /// What was set in a wrong way; connecting fails with it.
    misuse: Option<Error>,
}

impl Authorization {
    /// The user authorizes the client, in the browser of this machine unless [`user_agent`](Self::user_agent) says otherwise. `name` is what
    /// servers call the client before their users.
    pub fn code(name: impl Into<String>) -> Self {
        Self::new(Grant::Code(Code {
            name: name.into(),
            user_agent: Arc::new(Browser::new()),
            registered: Vec::new(),
            metadata_url: None,
        }))
    }

    /// The client speaks for itself, without a user (extension `io.modelcontextprotocol/oauth-client-credentials`).
    pub fn client_credentials(credentials: ClientCredentials) -> Self {
        Self::new(Grant::ClientCredentials(credentials))
    }

    /// The identity provider of an organisation vouches for its user.
    pub fn enterprise(enterprise: Enterprise) -> Self {
        let named = enterprise.named();
        Self::new(Grant::Enterprise(enterprise)).name(named)
    }

    /// A platform vouches for the workload that this is.
    pub fn workload(workload: Workload) -> Self {
        Self::new(Grant::Workload(workload))
    }

    fn new(grant: Grant) -> Self {
        Self {
            grant,
            scopes: Scopes::default(),
            store: Arc::new(MemoryTokens::default()),
            shares_store: false,
            account: None,
            dpop: None,
            patience: Duration::from_secs(300),
            named: Vec::new(),
            names: Arc::new(SystemNames),
            misuse: None,
        }
    }

    /// How users get to authorization servers and back. For [`code`](Self::code) alone.
    pub fn user_agent(mut self, user_agent: impl UserAgent) -> Self {
        match &mut self.grant {
            Grant::Code(code) => code.user_agent = Arc::new(user_agent),
            _ => self.misuse("a user agent is only of use where users authorize"),
        }
        self
    }

    /// A client that an authorization server knows already; one for each of several. They come before any other way to be known.
    /// For [`code`](Self::code) alone.
    pub fn registered(mut self, client: ClientCredentials) -> Self {
        match &mut self.grant {
            Grant::Code(code) => code.registered.push(client),
            _ => self.misuse("the client is known by what it is authorized with"),
        }
        self
    }

    /// Where a document about the client is, which servers that take such documents know it by (2026-07-28, client registration, "Client ID
    /// Metadata Documents"). It is an `https` URL with a path, and the document names the client's redirect URIs. For [`code`](Self::code)
    /// alone.
    pub fn metadata_url(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        let is_fit = Url::parse(&url).is_ok_and(|url| url.scheme() == "https" && url.path().len() > 1);
        match &mut self.grant {
            Grant::Code(code) if is_fit => code.metadata_url = Some(url),
            Grant::Code(_) => self.misuse("a client's metadata has an https URL with a path"),
            _ => self.misuse("the client is known by what it is authorized with"),
        }
        self
    }

    /// The scopes to ask for, beside those that a server says it needs. Without any, those are asked for, or else all that
    /// the server supports.
    pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Where tokens are kept. Default: in memory, for as long as the client lives.
    ///
    /// In a store that several clients share, tokens belong to the server's URL, to the grant, to the client (for [`code`](Self::code), to its
    /// name or metadata URL), and to the [`account`](Self::account). A program that acts for several users has to say for which.
    pub fn store(mut self, store: impl TokenStore) -> Self {
        self.store = Arc::new(store);
        self.shares_store = true;
        self
    }

    /// For whom the client is authorized: any name that the program has for them, which no server sees. Clients that share a store and act for
    /// different users, or different workloads, must not use each other's tokens. [`enterprise`](Self::enterprise) needs one with every
    /// [`store`](Self::store).
    ///
    /// ```
    /// use oxmcp::auth::Authorization;
    /// use oxmcp::store::MemoryTokens;
    ///
    /// let tokens = MemoryTokens::default();
    /// let alice = Authorization::code("Report Builder").store(tokens.clone()).account("alice");
    /// let bob = Authorization::code("Report Builder").store(tokens).account("bob");
    /// ```
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Whether tokens are bound to a key of the client, so that nobody else can use them (RFC 9449). Default: if the server asks for it.
    pub fn dpop(mut self, bound: bool) -> Self {
        self.dpop = Some(bound);
        self
    }

    /// How long the user has to authorize. Default five minutes.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// A server that may be asked although it is in a private network: the authorization server of an organisation, say. Whatever else a
    /// server's metadata names has to be on the internet, or next to the server itself.
    pub fn trust(self, url: &str) -> Self {
        let named = Url::parse(url)
            .map_err(|error| Error::misuse(format!("{url:?}, which is to be trusted, is no URL: {error}")));
        self.name(named)
    }

    /// Finds whatever servers name in another way than the system's.
    #[cfg(test)]
    pub(in crate::auth) fn names(mut self, names: impl Names + 'static) -> Self {
        self.names = Arc::new(names);
        self
    }

    fn name(mut self, named: Result<Url>) -> Self {
        match named {
            Ok(url) => self.named.push(url),
            Err(error) => self.misuse = self.misuse.or(Some(error)),
        }
        self
    }

    fn misuse(&mut self, what: &str) {
        self.misuse.get_or_insert_with(|| Error::misuse(what));
    }

    /// The same if nothing is wrong with it.
    pub(super) fn checked(mut self) -> Result<Self> {
        if self.shares_store && self.account.is_none() && matches!(self.grant, Grant::Enterprise(_)) {
            self.misuse("what an identity provider vouches for belongs to one user: with a `store`, say whose tokens they are (`account`)");
        }
        match self.misuse.take() {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

impl Authorization {
    /// Whose tokens these are, among those of one store.
    pub(super) fn owner(&self) -> String {
        let (kind, client) = match &self.grant {
            Grant::Code(code) => ("user of", code.metadata_url.as_deref().unwrap_or(&code.name)),
            Grant::ClientCredentials(client) => ("client", client.id()),
            Grant::Enterprise(enterprise) => ("member of", enterprise.client().id()),
            Grant::Workload(workload) => ("workload", workload.client().id()),
        };
        // Quotes keep one's end from being another's beginning.
        match &self.account {
            Some(account) => format!("{kind} {client:?} {account:?}"),
            None => format!("{kind} {client:?}"),
        }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grant = match &self.grant {
            Grant::Code(_) => "code",
            Grant::ClientCredentials(_) => "client credentials",
            Grant::Enterprise(_) => "enterprise",
            Grant::Workload(_) => "workload",
        };
        f.debug_struct("Authorization")
            .field("grant", &grant)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
