//! How the client is authorized in the scenarios that want it.

use std::env;
use std::error::Error;

use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oxmcp::auth::{
    Authorization, Callback, ClientCredentials, Enterprise, Secret, SigningKey, UserAgent, VisitError,
    Workload,
};
use serde::Deserialize;
use url::Url;

/// Where the suite's authorization servers send the user.
const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// Where the client's metadata would be.
const METADATA_URL: &str = "https://conformance-test.local/client-metadata.json";

/// What the suite tells of the client.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    client_id: String,
    client_secret: Option<String>,
    private_key_pem: String,
    signing_algorithm: Option<String>,
    idp_client_id: String,
    idp_id_token: String,
    idp_token_endpoint: String,
    valid_jwt: String,
}

/// How the client is authorized in a scenario.
pub(crate) fn authorization(scenario: &str) -> Result<Authorization, Box<dyn Error>> {
    let context = match env::var("MCP_CONFORMANCE_CONTEXT") {
        Ok(context) => serde_json::from_str(&context)?,
        Err(_) => Context::default(),
    };
    let client = match context.client_secret {
        Some(secret) => ClientCredentials::secret(&context.client_id, secret),
        None => ClientCredentials::public(&context.client_id),
    };
    Ok(match scenario {
        "auth/client-credentials-basic" => Authorization::client_credentials(client),
        "auth/client-credentials-jwt" => {
            let algorithm = context.signing_algorithm.as_deref().unwrap_or("ES256");
            let key = SigningKey::from_pem(&context.private_key_pem, algorithm)?;
            Authorization::client_credentials(ClientCredentials::private_key(context.client_id, key))
        }
        "auth/enterprise-managed-authorization" => {
            let id_token = Secret::new(context.idp_id_token);
            let enterprise = Enterprise::new(client, context.idp_token_endpoint, move || {
                let id_token = id_token.clone();
                async { Ok(id_token) }
            });
            let own = ClientCredentials::public(context.idp_client_id);
            Authorization::enterprise(enterprise.identity_provider_client(own))
        }
        "auth/wif-jwt-bearer" => {
            let assertion = Secret::new(context.valid_jwt);
            Authorization::workload(Workload::new(client, move || {
                let assertion = assertion.clone();
                async { Ok(assertion) }
            }))
        }
        "auth/pre-registration" => of_a_user().registered(client),
        _ => of_a_user(),
    })
}

fn of_a_user() -> Authorization {
    Authorization::code("oxmcp-conformance-rust").metadata_url(METADATA_URL).user_agent(user_agent())
}

/// A user who agrees at once: the suite's authorization servers redirect whoever comes.
fn user_agent() -> impl UserAgent {
    Callback::new(REDIRECT_URI, |url: Url| async move {
        let http = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
        let answer = http.get(url.as_str().parse()?).await?;
        let location = answer.headers().get("location").ok_or("the authorization server redirects nobody")?;
        Ok::<_, VisitError>(Url::parse(location.to_str()?)?)
    })
}
