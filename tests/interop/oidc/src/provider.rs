use std::io;
use std::process::Stdio;
use std::time::Duration;

use oxmcp::auth::VisitError;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use crate::web::{Answer, Web};

/// The Node that runs the server; `node` without it.
const NODE: &str = "OXMCP_OIDC_NODE";

/// The server's program, beside this crate's manifest.
const PROGRAM: &str = "provider.mjs";

/// How long it may take to listen, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// An authorization server that is not of this project, which listens on this machine until it is dropped.
pub struct Provider {
    issuer: String,
    key: String,
    web: Web,
    /// It ends with its input.
    _child: Child,
}

/// How a server issues tokens.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// What access tokens look like.
    pub format: Format,
    /// How long access tokens live, in seconds.
    pub life: u32,
    /// Whether proofs of possession need a nonce of the server.
    pub nonces: bool,
    /// Whether a client that registers is kept to the scopes that it names. If not, it must not name those of resources.
    pub keeps: bool,
}

/// What access tokens look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// They say everything themselves, and are signed.
    Jwt,
    /// They say nothing, and the server has to be asked.
    Opaque,
}

impl Provider {
    /// The client that speaks for itself with a secret, and the secret.
    pub const MACHINE: (&str, &str) = ("machine", "a secret: with %, + and :");
    /// The client that speaks for itself with the [`key`](Self::key).
    pub const SIGNER: &str = "signer";
    /// The resource server, as the authorization server knows it, and its secret.
    pub const RESOURCE: (&str, &str) = ("resource", "the secret of the resource");

    /// Starts one.
    pub async fn start(plan: Plan) -> io::Result<Self> {
        #[derive(Deserialize)]
        struct Ready {
            issuer: String,
            key: String,
        }
        let node = std::env::var_os(NODE).unwrap_or_else(|| "node".into());
        let mut child = Command::new(node)
            .arg(PROGRAM)
            .arg(serde_json::to_string(&plan)?)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
        let mut line = String::new();
        let mut output = BufReader::new(output);
        let listens = tokio::time::timeout(PATIENCE, output.read_line(&mut line)).await;
        listens.map_err(|_| io::Error::other(format!("it does not listen within {PATIENCE:?}")))??;
        // It would end if it could not say more.
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        let Ready { issuer, key } = serde_json::from_str(&line)?;
        Ok(Self { issuer, key, web: Web::default(), _child: child })
    }

    /// Its name, which is its URL.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The private key of its client [`SIGNER`](Self::SIGNER), for ES256, in PEM.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What has happened there, in order.
    pub async fn events(&self) -> Result<Vec<String>, VisitError> {
        let answer = self.web.get(&self.at("/events")?, "").await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Asks for tokens for a refresh token of a client that has no secret.
    pub async fn refresh(&self, client: &str, token: &str, resource: &str) -> Result<Answer, VisitError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", client),
            ("resource", resource),
        ];
        self.web.post(&self.at("/token")?, "", &form).await
    }

    /// Ends a user's access token, one that says nothing itself, as time would: the client may refresh it.
    pub async fn expire(&self, token: &str) -> Result<Answer, VisitError> {
        self.web.post(&self.at("/forget")?, "", &[("token", token)]).await
    }

    /// Withdraws a token of a client with a secret, for good (RFC 7009).
    pub async fn revoke(&self, client: &str, secret: &str, token: &str) -> Result<Answer, VisitError> {
        let form = [("token", token), ("client_id", client), ("client_secret", secret)];
        self.web.post(&self.at("/token/revocation")?, "", &form).await
    }

    fn at(&self, path: &str) -> Result<Url, VisitError> {
        Ok(format!("{}{path}", self.issuer).parse()?)
    }
}
