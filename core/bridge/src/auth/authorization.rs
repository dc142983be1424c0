use std::io;
use std::sync::Arc;
use std::time::Duration;

use oxmcp::auth::{Authorization, Browser, Callback, ClientCredentials, Enterprise, Secret, Workload};
use oxmcp::store::FileTokens;
use serde::Deserialize;
use tokio::runtime::Handle;

use super::credentials::CredentialsConfig;
use super::tokens::AskedTokens;
use super::{SecretText, Shaped};
use crate::asker::{Asker, Question};
use crate::questions::NotAnswered;
use crate::{Client, Error, ErrorKind};

/// How a client is authorized; see [`Client::open`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuthorizationConfig {
    code: Option<Shaped<CodeConfig>>,
    client_credentials: Option<Shaped<CredentialsConfig>>,
    enterprise: Option<Shaped<EnterpriseConfig>>,
    workload: Option<Shaped<WorkloadConfig>>,
    #[serde(default)]
    scopes: Vec<String>,
    dpop: Option<bool>,
    patience_ms: Option<u64>,
    #[serde(default)]
    trust: Vec<String>,
    store: Option<Shaped<StoreConfig>>,
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CodeConfig {
    name: String,
    #[serde(default)]
    registered: Vec<Shaped<CredentialsConfig>>,
    metadata_url: Option<String>,
    browser: Option<Shaped<BrowserConfig>>,
    redirect_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BrowserConfig {
    port: Option<u16>,
    #[serde(default)]
    ask: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnterpriseConfig {
    client: Shaped<CredentialsConfig>,
    token_endpoint: String,
    identity_provider_client: Option<Shaped<CredentialsConfig>>,
    #[serde(default)]
    saml: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WorkloadConfig {
    client: Shaped<CredentialsConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoreConfig {
    file: Option<String>,
    #[serde(default)]
    ask: bool,
    timeout_ms: Option<u64>,
}

/// What a URL is answered with.
#[derive(Deserialize)]
struct Answered {
    url: SecretText,
}

#[derive(Deserialize)]
struct Given {
    token: SecretText,
}

#[derive(Deserialize)]
struct Opened {}

impl AuthorizationConfig {
    /// The plan. Whatever it leaves to the binding is asked by who `asker` gives.
    pub(crate) fn authorization(
        self,
        asker: impl Fn() -> Result<Asker, Error>,
    ) -> Result<Authorization, Error> {
        let patience = self.patience_ms.map(Duration::from_millis);
        let mut plan = match (self.code, self.client_credentials, self.enterprise, self.workload) {
            (Some(Shaped(code)), None, None, None) => code.authorization(&asker, patience)?,
            (None, Some(Shaped(client)), None, None) => {
                Authorization::client_credentials(client.credentials()?)
            }
            (None, None, Some(Shaped(enterprise)), None) => enterprise.authorization(asker()?, patience)?,
            (None, None, None, Some(Shaped(workload))) => workload.authorization(asker()?, patience)?,
            _ => {
                return Err(misuse(
                    "`authorization` needs one of `code`, `clientCredentials`, `enterprise` and `workload`",
                ));
            }
        };
        plan = plan.scopes(self.scopes);
        if let Some(bound) = self.dpop {
            plan = plan.dpop(bound);
        }
        if let Some(patience) = patience {
            plan = plan.patience(patience);
        }
        for url in &self.trust {
            plan = plan.trust(url);
        }
        if let Some(account) = self.account {
            plan = plan.account(account);
        }
        match self.store {
            Some(Shaped(store)) => store.keep(plan, asker),
            None => Ok(plan),
        }
    }
}

impl CodeConfig {
    fn authorization(
        self,
        asker: impl Fn() -> Result<Asker, Error>,
        patience: Option<Duration>,
    ) -> Result<Authorization, Error> {
        let mut plan = Authorization::code(self.name);
        for Shaped(client) in self.registered {
            plan = plan.registered(client.credentials()?);
        }
        if let Some(url) = self.metadata_url {
            plan = plan.metadata_url(url);
        }
        match (self.redirect_uri, self.browser) {
            (Some(redirect_uri), None) => Ok(show(plan, redirect_uri, asker()?)),
            (None, Some(Shaped(config))) => {
                let mut browser = Browser::new().port(config.port.unwrap_or(0));
                if config.ask {
                    browser = opened_by(browser, asker()?, patience);
                }
                Ok(plan.user_agent(browser))
            }
            (None, None) => Ok(plan),
            (Some(_), Some(_)) => {
                Err(misuse("users come back either to `redirectUri` or to the `browser`'s port, not both"))
            }
        }
    }
}

/// Has the binding take users to the server and back.
fn show(plan: Authorization, redirect_uri: String, asker: Asker) -> Authorization {
    let asked_uri: Arc<str> = redirect_uri.as_str().into();
    plan.user_agent(Callback::new(redirect_uri, move |url| {
        let (asker, redirect_uri) = (asker.clone(), asked_uri.clone());
        async move {
            let question = Question::Authorize { url: url.as_str(), redirect_uri: &redirect_uri };
            // The plan's patience bounds it.
            let Answered { url: SecretText(url) } = asker.ask(&question, None).await?;
            // What is wrong with it is not repeated: it holds a code.
            url.expose().parse().map_err(|_| NotAnswered::Unfit.into())
        }
    }))
}

/// Has the binding show users where to go, who come back to a port of this machine.
fn opened_by(browser: Browser, asker: Asker, patience: Option<Duration>) -> Browser {
    browser.open_with(move |url| {
        let question = Question::OpenBrowser { url: url.as_str() };
        // It is called where it may block, and goes on when nobody waits for it any more.
        let patience = Some(patience.unwrap_or(PATIENCE));
        let opened = Handle::current().block_on(asker.ask(&question, patience));
        opened.map(|Opened {}| ()).map_err(io::Error::other)
    })
}

/// What the binding has to vouch for the client, asked anew each time.
async fn vouched(asker: Asker, question: Question<'static>, patience: Duration) -> oxmcp::Result<Secret> {
    let given = asker.ask(&question, Some(patience)).await;
    let Given { token: SecretText(token) } =
        given.map_err(|why| why.into_error("there is nothing that vouches for this client"))?;
    Ok(token)
}

/// How long users have to authorize, and so whatever may need them.
const PATIENCE: Duration = Duration::from_secs(300);

impl EnterpriseConfig {
    fn authorization(self, asker: Asker, patience: Option<Duration>) -> Result<Authorization, Error> {
        let id_token = move || vouched(asker.clone(), Question::IdToken, patience.unwrap_or(PATIENCE));
        let client = self.client.0.credentials()?;
        let mut enterprise = Enterprise::new(client, self.token_endpoint, id_token);
        if let Some(Shaped(client)) = self.identity_provider_client {
            enterprise = enterprise.identity_provider_client(client.credentials()?);
        }
        if self.saml {
            enterprise = enterprise.saml();
        }
        Ok(Authorization::enterprise(enterprise))
    }
}

impl WorkloadConfig {
    fn authorization(self, asker: Asker, patience: Option<Duration>) -> Result<Authorization, Error> {
        let assertion = move || vouched(asker.clone(), Question::Assertion, patience.unwrap_or(PATIENCE));
        let client: ClientCredentials = self.client.0.credentials()?;
        Ok(Authorization::workload(Workload::new(client, assertion)))
    }
}

impl StoreConfig {
    fn keep(
        self,
        plan: Authorization,
        asker: impl Fn() -> Result<Asker, Error>,
    ) -> Result<Authorization, Error> {
        match (self.file, self.ask) {
            (Some(path), false) if self.timeout_ms.is_none() => Ok(plan.store(FileTokens::open(path)?)),
            (None, true) => {
                let patience = self.timeout_ms.map_or(Client::ANSWER_TIMEOUT, Duration::from_millis);
                Ok(plan.store(AskedTokens::new(asker()?, patience)))
            }
            _ => Err(misuse("a `store` is either `file`, or `ask` with `timeoutMs` or without")),
        }
    }
}

fn misuse(message: &str) -> Error {
    Error::new(ErrorKind::Misuse, message)
}
