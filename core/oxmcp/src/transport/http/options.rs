/// How a server is reached over HTTP. The defaults are safe on a developer's machine: loopback only, any free port.
///
/// ```
/// use oxmcp::transport::HttpOptions;
///
/// let allowed_origins = vec!["https://app.example.com".into()];
/// let options = HttpOptions { port: 8080, allowed_origins, ..HttpOptions::default() };
/// assert_eq!(options.host, "127.0.0.1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// The address or name to listen on. One that is not loopback needs [`allowed_hosts`](Self::allowed_hosts). Default
    /// `127.0.0.1`.
    pub host: String,
    /// The port; 0 takes any free one. Default 0.
    pub port: u16,
    /// The path of the endpoint. Default `/mcp`.
    pub path: String,
    /// What the `Host` of a request may be beside the loopback names: a name, with a port if only that port will do.
    pub allowed_hosts: Vec<String>,
    /// What the `Origin` of a request may be beside `http` and `https` on the loopback names: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            path: "/mcp".to_owned(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

/// A port, and the defaults for everything else.
impl From<u16> for HttpOptions {
    fn from(port: u16) -> Self {
        Self { port, ..Self::default() }
    }
}
