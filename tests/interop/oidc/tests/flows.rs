//! Every way to be authorized that an authorization server knows which nobody here wrote.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::time::Duration;

use oxmcp::auth::{Authorization, ClientCredentials, Introspection, JwtVerifier, Protection, SigningKey};
use oxmcp::model::Content;
use oxmcp::store::{MemoryTokens, TokenStore};
use oxmcp::{Client, ErrorKind, ProtocolVersion};
use oxmcp_interop_oidc::{Files, Format, Person, Plan, Provider, Web};
use serde_json::{Value, json};

/// Everybody who takes part.
struct World {
    provider: Provider,
    files: Files,
    person: Person,
    tokens: MemoryTokens,
}

const JWT: Plan = Plan { format: Format::Jwt, life: 600, nonces: false, keeps: false };
const OPAQUE: Plan = Plan { format: Format::Opaque, ..JWT };

impl World {
    async fn new(plan: Plan) -> Self {
        let provider = Provider::start(plan).await.unwrap();
        let issuer = provider.issuer().to_owned();
        let files = Files::listen(|url| match plan.format {
            Format::Jwt => Protection::new(url, issuer.clone(), JwtVerifier::new(issuer)?),
            Format::Opaque => {
                let (id, secret) = Provider::RESOURCE;
                let client = ClientCredentials::secret(id, secret);
                Protection::new(url, issuer.clone(), Introspection::new(issuer, client)?)
            }
        });
        let files = files.await.unwrap();
        Self { provider, files, person: Person::default(), tokens: MemoryTokens::default() }
    }

    /// How a client is authorized by the user.
    fn by_user(&self) -> Authorization {
        Authorization::code("Reports").user_agent(self.person.user_agent()).store(self.tokens.clone())
    }

    /// How a client is authorized that speaks for itself.
    fn by_itself(&self, credentials: ClientCredentials) -> Authorization {
        Authorization::client_credentials(credentials).store(self.tokens.clone())
    }

    async fn connect(&self, authorization: Authorization) -> oxmcp::Result<Client> {
        Client::connect(self.files.url()).authorization(authorization).await
    }

    /// What has happened at the authorization server.
    async fn events(&self) -> Vec<String> {
        self.provider.events().await.unwrap()
    }

    async fn count(&self, event: &str) -> usize {
        self.events().await.iter().filter(|known| *known == event).count()
    }

    /// What the client has got: the access token, the refresh token, and its own id.
    async fn kept(&self) -> [String; 3] {
        let mut kept = None;
        for owner in [r#"user of "Reports""#, r#"client "machine""#] {
            let key = format!("tokens for {} as {owner}", self.files.url());
            kept = kept.or(self.tokens.read(&key).await.unwrap());
        }
        let kept = kept.unwrap();
        let kept: Value = serde_json::from_str(kept.expose()).unwrap();
        ["access_token", "refresh_token", "client_id"]
            .map(|name| kept[name].as_str().unwrap_or_default().to_owned())
    }
}

async fn call(client: &Client, tool: &str) -> oxmcp::Result<String> {
    let result = client.call_tool(tool, json!({})).await?;
    assert!(!result.is_error, "{result:?}");
    match result.content.as_slice() {
        [Content::Text(content)] => Ok(content.text.clone()),
        other => panic!("{other:?}"),
    }
}

const REGISTERED: &str = "registered";
const BY_CODE: &str = "granted authorization_code";
const BY_REFRESH: &str = "granted refresh_token";
const BY_ITSELF: &str = "granted client_credentials";

#[tokio::test]
async fn a_user_authorizes_a_client_that_nobody_knew() {
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        for plan in [JWT, OPAQUE] {
            let world = World::new(plan).await;
            let connect = async || {
                Client::connect(world.files.url()).only(version).authorization(world.by_user()).await.unwrap()
            };
            let client = connect().await;
            assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
            assert_eq!(world.events().await, [REGISTERED, BY_CODE]);
            // Another client of the same user has the same tokens.
            let another = connect().await;
            assert_eq!(call(&another, "whoami").await.unwrap(), "ada: files:read");
            assert_eq!(world.person.visits(), 1);
            assert_eq!(world.events().await, [REGISTERED, BY_CODE]);
        }
    }
}

#[tokio::test]
async fn a_user_who_says_no_authorizes_nobody() {
    let world = World::new(JWT).await;
    world.person.refuse();
    let error = world.connect(world.by_user()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.to_string().contains("access_denied"), "{error}");
    assert_eq!(world.person.visits(), 1);
    assert_eq!(world.events().await, [REGISTERED]);
}

#[tokio::test]
async fn tokens_that_expire_are_refreshed() {
    let world = World::new(Plan { life: 2, ..JWT }).await;
    let client = world.connect(world.by_user()).await.unwrap();
    let [first, ..] = world.kept().await;
    while world.count(BY_REFRESH).await == 0 {
        assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
    assert_ne!(world.kept().await[0], first);
    assert_eq!((world.person.visits(), world.count(BY_CODE).await), (1, 1));
}

#[tokio::test]
async fn a_stolen_refresh_token_is_of_no_use_and_the_user_authorizes_anew() {
    let world = World::new(OPAQUE).await;
    let client = world.connect(world.by_user()).await.unwrap();
    let [access, stolen, id] = world.kept().await;

    // The access token ends, so the client refreshes, and the refresh token changes too.
    assert!(world.provider.expire(&access).await.unwrap().status.is_success());
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
    assert_eq!(world.events().await, [REGISTERED, BY_CODE, BY_REFRESH]);
    assert_ne!(world.kept().await[1], stolen);

    // A thief uses the old one: both lose everything.
    let answer = world.provider.refresh(&id, &stolen, world.files.url()).await.unwrap();
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert_eq!(world.count("revoked").await, 1);

    assert_eq!(world.person.visits(), 1);
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
    assert_eq!(world.person.visits(), 2);
    // The thief's attempt, and the client's.
    assert_eq!(world.count("refused refresh_token invalid_grant").await, 2);
    assert_eq!((world.count(REGISTERED).await, world.count(BY_CODE).await), (1, 2));
}

#[tokio::test]
async fn a_tool_that_needs_more_is_authorized_once() {
    for plan in [JWT, OPAQUE] {
        let world = World::new(plan).await;
        let client = world.connect(world.by_user()).await.unwrap();
        assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
        assert_eq!(call(&client, "write").await.unwrap(), "written");
        assert_eq!(world.person.visits(), 2);
        // What it had, it still has.
        assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read files:write");
        assert_eq!(call(&client, "write").await.unwrap(), "written");
        assert_eq!(world.person.visits(), 2);
        assert_eq!(world.events().await, [REGISTERED, BY_CODE, BY_CODE]);
    }
}

#[tokio::test]
async fn a_client_that_is_kept_to_its_scopes_registers_anew_for_more() {
    let world = World::new(Plan { keeps: true, ..JWT }).await;
    let client = world.connect(world.by_user()).await.unwrap();
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
    assert_eq!(call(&client, "write").await.unwrap(), "written");
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read files:write");
    assert_eq!(world.person.visits(), 2);
    assert_eq!(world.events().await, [REGISTERED, BY_CODE, REGISTERED, BY_CODE]);
}

#[tokio::test]
async fn a_user_who_does_not_grant_more_leaves_what_was_granted() {
    let world = World::new(JWT).await;
    let client = world.connect(world.by_user()).await.unwrap();
    world.person.refuse();
    let error = call(&client, "write").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
    assert_eq!(world.person.visits(), 2);
}

#[tokio::test]
async fn a_client_speaks_for_itself() {
    for plan in [JWT, OPAQUE] {
        let world = World::new(plan).await;
        let (id, secret) = Provider::MACHINE;
        let client = world.connect(world.by_itself(ClientCredentials::secret(id, secret))).await.unwrap();
        assert!(call(&client, "whoami").await.unwrap().ends_with(": files:read"));
        assert_eq!(call(&client, "write").await.unwrap(), "written");
        assert_eq!(world.events().await, [BY_ITSELF, BY_ITSELF]);

        let wrong = ClientCredentials::secret(id, "wrong");
        let error = Client::connect(world.files.url())
            .authorization(Authorization::client_credentials(wrong))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.to_string().contains("invalid_client"), "{error}");
    }
}

#[tokio::test]
async fn a_client_signs_for_itself() {
    let world = World::new(JWT).await;
    let signer = |pem: &str| {
        let key = SigningKey::from_pem(pem, "ES256").unwrap().key_id("1");
        ClientCredentials::private_key(Provider::SIGNER, key)
    };
    let client = world.connect(world.by_itself(signer(world.provider.key()))).await.unwrap();
    assert_eq!(call(&client, "whoami").await.unwrap(), "signer: files:read");
    assert_eq!(world.events().await, [BY_ITSELF]);

    // Another server's key for the client of the same name.
    let other = Provider::start(JWT).await.unwrap();
    let forged = Authorization::client_credentials(signer(other.key()));
    let error = Client::connect(world.files.url()).authorization(forged).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_replaced() {
    let world = World::new(OPAQUE).await;
    let (id, secret) = Provider::MACHINE;
    let client = world.connect(world.by_itself(ClientCredentials::secret(id, secret))).await.unwrap();
    let [access, ..] = world.kept().await;
    assert!(world.provider.revoke(id, secret, &access).await.unwrap().status.is_success());
    let bearer = format!("Bearer {access}");
    let url = world.files.url().parse().unwrap();
    assert_eq!(Web::default().show(&url, &bearer).await.unwrap().status, 401);
    assert!(call(&client, "whoami").await.is_ok());
    assert_eq!(world.events().await, [BY_ITSELF, BY_ITSELF]);
}

#[tokio::test]
async fn tokens_are_bound_to_a_key() {
    for nonces in [false, true] {
        for plan in [JWT, OPAQUE] {
            let world = World::new(Plan { nonces, ..plan }).await;
            let client = world.connect(world.by_user().dpop(true)).await.unwrap();
            assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
            assert_eq!(call(&client, "write").await.unwrap(), "written");
            assert_eq!(world.count(BY_CODE).await, 2);

            // Whoever steals it has not got the key.
            let [access, ..] = world.kept().await;
            let url = world.files.url().parse().unwrap();
            for scheme in ["Bearer", "DPoP"] {
                let answer = Web::default().show(&url, &format!("{scheme} {access}")).await.unwrap();
                assert_eq!(answer.status, 401, "{scheme}");
            }
        }
    }
}

#[tokio::test]
async fn tokens_that_are_bound_to_a_key_are_refreshed_with_it() {
    let world = World::new(Plan { nonces: true, ..OPAQUE }).await;
    let client = world.connect(world.by_user().dpop(true)).await.unwrap();
    let [access, refresh, id] = world.kept().await;
    assert!(world.provider.expire(&access).await.unwrap().status.is_success());
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
    assert_eq!(world.count(BY_REFRESH).await, 1);
    assert_eq!(world.person.visits(), 1);

    let stolen = world.kept().await[1].clone();
    assert_ne!(stolen, refresh);
    let answer = world.provider.refresh(&id, &stolen, world.files.url()).await.unwrap();
    assert_eq!(answer.json()["error"], "invalid_grant");
    // The client has lost nothing by it.
    assert_eq!(call(&client, "whoami").await.unwrap(), "ada: files:read");
    assert_eq!(world.person.visits(), 1);
}
