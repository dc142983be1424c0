use std::collections::BTreeMap;
use std::time::Duration;

use oxmcp::model::Implementation;
use oxmcp::transport::{HttpOptions, Stderr};
use oxmcp::{Command, Limits, ProtocolVersion};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::asker::Asker;
use crate::auth::{AuthorizationConfig, ProtectionConfig, SecretText, Shaped};
use crate::{Error, ErrorKind};

/// Reads a configuration. What it does not know it refuses: a misspelt key must not pass for a default.
pub(crate) fn parse<T: DeserializeOwned>(config: &str) -> Result<T, Error> {
    serde_json::from_str(config).map_err(|error| {
        Error::new(ErrorKind::Misuse, format!("the configuration cannot be used: {}", words(&error)))
    })
}

/// What is wrong with JSON that a binding wrote. Its user wrote no lines and columns.
pub(crate) fn words(error: &serde_json::Error) -> String {
    let mut words = error.to_string();
    if let Some(position) = words.rfind(" at line ") {
        words.truncate(position);
    }
    words
}

/// See [`Client::open`](crate::Client::open).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClientConfig {
    pub(crate) command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    cwd: Option<String>,
    #[serde(default)]
    stderr: StderrConfig,
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) bearer_token: Option<SecretText>,
    pub(crate) authorization: Option<Shaped<AuthorizationConfig>>,
    pub(crate) client_info: Option<Implementation>,
    pub(crate) protocol_version: Option<ProtocolVersion>,
    timeout_ms: Option<u64>,
    max_timeout_ms: Option<u64>,
    connect_timeout_ms: Option<u64>,
    max_message_bytes: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StderrConfig {
    #[default]
    Inherit,
    Null,
}

impl ClientConfig {
    /// The command to start, when `program` is it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program).args(&self.args);
        for (name, value) in &self.env {
            command = command.env(name, value);
        }
        if let Some(cwd) = &self.cwd {
            command = command.current_dir(cwd);
        }
        command.stderr(match self.stderr {
            StderrConfig::Inherit => Stderr::Inherit,
            StderrConfig::Null => Stderr::Null,
        })
    }

    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        let set = |limit: &mut Duration, millis: Option<u64>| {
            if let Some(millis) = millis {
                *limit = Duration::from_millis(millis);
            }
        };
        set(&mut limits.call_silence, self.timeout_ms);
        set(&mut limits.call_total, self.max_timeout_ms);
        set(&mut limits.connect, self.connect_timeout_ms);
        limits.message_bytes = self.max_message_bytes.unwrap_or(limits.message_bytes);
        limits
    }
}

/// See [`Server::new`](crate::Server::new).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ServerConfig {
    name: String,
    version: String,
    title: Option<String>,
    description: Option<String>,
    website_url: Option<String>,
    icons: Option<Vec<oxmcp::model::Icon>>,
    instructions: Option<String>,
    page_size: Option<usize>,
    max_message_bytes: Option<usize>,
}

impl ServerConfig {
    pub(crate) fn is_nameless(&self) -> bool {
        self.name.is_empty()
    }

    pub(crate) fn server(self) -> oxmcp::Server {
        let mut limits = Limits::default();
        limits.message_bytes = self.max_message_bytes.unwrap_or(limits.message_bytes);
        let info = Implementation {
            title: self.title,
            description: self.description,
            website_url: self.website_url,
            icons: self.icons,
            ..Implementation::new(&self.name, &self.version)
        };
        let mut server = oxmcp::Server::new(self.name, self.version).info(info).limits(limits);
        if let Some(instructions) = self.instructions {
            server = server.instructions(instructions);
        }
        match self.page_size {
            Some(page_size) => server.page_size(page_size),
            None => server,
        }
    }
}

/// See [`Server::listen_http`](crate::Server::listen_http).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListenConfig {
    host: Option<String>,
    port: Option<u16>,
    path: Option<String>,
    #[serde(default)]
    allowed_hosts: Vec<String>,
    #[serde(default)]
    allowed_origins: Vec<String>,
    protection: Option<Shaped<ProtectionConfig>>,
}

impl ListenConfig {
    /// The options. Whatever they leave to the binding is asked by who `asker` gives.
    pub(crate) fn options(self, asker: impl FnOnce() -> Result<Asker, Error>) -> Result<HttpOptions, Error> {
        let protection = match self.protection {
            Some(Shaped(protection)) => Some(protection.protection(asker)?),
            None => None,
        };
        let default = HttpOptions::default();
        Ok(HttpOptions {
            host: self.host.unwrap_or_else(|| default.host.clone()),
            port: self.port.unwrap_or(default.port),
            path: self.path.unwrap_or_else(|| default.path.clone()),
            allowed_hosts: self.allowed_hosts,
            allowed_origins: self.allowed_origins,
            protection,
            ..default
        })
    }
}
