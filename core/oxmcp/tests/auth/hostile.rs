//! Servers that want their clients to go where they must not. The server's URL, which the user gave, is `http://0.0.0.0`: it leads to this
//! machine and is not next to loopback, so that every other way to this machine is forbidden and can be listened at.

use std::sync::Arc;

use oxmcp::auth::{Authorization, Callback};
use oxmcp::{Error, ErrorKind};
use serde_json::json;

use crate::grantor::Grantor;
use crate::listener::{Answer, Listener, Seen, json as answer, text, with};
use crate::resource::Resource;
use crate::user::{REDIRECT_URI, agreeing, connect, settled};

const HOST: &str = "0.0.0.0";

/// Where nobody may go. It answers everything as a forbidden server would that is of use to an attacker.
fn forbidden() -> Listener {
    Listener::new(|_| {
        |_| Box::pin(async { answer(200, &json!({"access_token": "a", "token_type": "Bearer"})) })
    })
}

/// The ways to say where a port of this machine is, and places beside it that nobody may ask either.
fn spellings(port: u16) -> Vec<String> {
    let here = [
        "http://127.0.0.1",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "http://127.0.0.1.",
        "http://%31%32%37.0.0.1",
        "http://１２７.0.0.1",
        "http://127.9.9.9",
        "http://[::1]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:7f00:1]",
        "http://[::127.0.0.1]",
        "http://[64:ff9b::7f00:1]",
        "http://localhost",
        "http://LOCALHOST.",
        "http://user@127.0.0.1",
        "http://0.0.0.0@127.0.0.1",
        "https://127.0.0.1",
        "https://localhost",
        "http://0.0.0.0",
        "http://0",
        "http://[::]",
    ];
    let elsewhere = [
        "http://169.254.169.254",
        "https://169.254.169.254",
        "https://[::ffff:a9fe:a9fe]",
        "https://2852039166",
        "https://[fd00:ec2::254]",
        "https://10.0.0.1",
        "https://172.16.0.1",
        "https://192.168.0.1",
        "https://100.64.0.1",
        "https://[fe80::1]",
        "https://[fd00::1]",
        "https://224.0.0.1",
        "https://255.255.255.255",
        "file:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        "ftp://127.0.0.1",
        "gopher://127.0.0.1",
        "javascript:alert(1)",
        "data:application/json,{}",
        "unix:///run/server.sock",
        "//127.0.0.1",
        "http://",
        "http:",
        "",
        "$(touch owned)",
    ];
    here.iter().map(|host| format!("{host}:{port}/x")).chain(elsewhere.map(str::to_owned)).collect()
}

/// Fails to connect, and nothing is asked of the user.
async fn fails(resource: &Resource, grantor: &Grantor, what: &str) -> Error {
    let authorization = agreeing(grantor).trust(&grantor.issuer());
    let error =
        connect(resource.url(), authorization).await.err().unwrap_or_else(|| panic!("{what} was taken"));
    let is_told = matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Unauthorized | ErrorKind::Connect);
    assert!(is_told, "{what}: {:?} {error}", error.kind());
    error
}

fn world() -> (Grantor, Resource, Listener) {
    let grantor = Grantor::at(HOST);
    let resource = Resource::at(HOST, &grantor);
    (grantor, resource, forbidden())
}

/// What tests of forbidden places show would be worth nothing if that were not a way to them.
#[tokio::test]
async fn an_honest_server_at_the_same_place_is_reached() {
    let (grantor, resource, _) = world();
    connect(resource.url(), agreeing(&grantor).trust(&grantor.issuer())).await.unwrap();
    let reached = forbidden();
    tokio::net::TcpStream::connect((HOST, reached.port())).await.unwrap();
    tokio::net::TcpStream::connect(("localhost", reached.port())).await.unwrap();
    assert_eq!(settled(reached.connections()).await, 2);
}

#[tokio::test]
async fn a_challenge_leads_nowhere_but_to_the_server_and_the_internet() {
    let (grantor, resource, forbidden) = world();
    for place in spellings(forbidden.port()) {
        resource.rules(|rules| rules.metadata_url = place.replace(|char: char| !char.is_ascii(), ""));
        let error = fails(&resource, &grantor, &place).await;
        assert!(error.to_string().contains("server"), "{place}: {error}");
    }
    assert_eq!((forbidden.connections().await, grantor.listener.connections().await), (0, 0));
}

#[tokio::test]
async fn metadata_leads_nowhere_but_to_the_server_and_the_internet() {
    let (grantor, resource, forbidden) = world();
    for place in spellings(forbidden.port()) {
        resource.rules(|rules| rules.metadata["authorization_servers"] = json!([place]));
        let error = fails(&resource, &grantor, &place).await;
        assert!(error.to_string().contains("server"), "{place}: {error}");
    }
    assert_eq!((forbidden.connections().await, grantor.listener.connections().await), (0, 0));
}

#[tokio::test]
async fn no_endpoint_of_an_authorization_server_is_where_nobody_may_go() {
    let (grantor, resource, forbidden) = world();
    for endpoint in ["authorization_endpoint", "token_endpoint", "registration_endpoint"] {
        let honest = grantor.ledger(|ledger| ledger.metadata.clone());
        for place in spellings(forbidden.port()) {
            grantor.ledger(|ledger| ledger.metadata[endpoint] = place.clone().into());
            fails(&resource, &grantor, &format!("{endpoint} {place}")).await;
        }
        // Nobody was shown an address that is no page.
        let asked = grantor.ledger(|ledger| std::mem::take(&mut ledger.asked).len());
        assert!(endpoint == "token_endpoint" || asked == 0, "{endpoint}");
        grantor.ledger(|ledger| ledger.metadata = honest);
    }
    assert_eq!(forbidden.connections().await, 0);
}

/// What answers each request of a [`Grantor`] or a [`Resource`] to some path with a redirect.
fn redirect(path: &'static str, status: u16, to: String) -> impl Fn(&Seen) -> Option<Answer> + Send + Sync {
    move |seen| (seen.path == path).then(|| with(text(status, ""), "location", &to))
}

#[tokio::test]
async fn redirects_to_other_origins_are_not_followed_and_take_nothing_along() {
    for status in [301, 302, 303, 307, 308] {
        let (grantor, resource, forbidden) = world();
        // The last one is a server that might be asked by itself; but nothing sends clients there.
        let other = Grantor::at(HOST);
        let mut places = spellings(forbidden.port());
        places.retain(|place| url::Url::parse(place).is_ok() && place.is_ascii());
        places.push(other.issuer());
        for place in places {
            for path in ["/.well-known/oauth-authorization-server", "/register", "/token"] {
                grantor.ledger(|ledger| ledger.first = Some(Arc::new(redirect(path, status, place.clone()))));
                let error = fails(&resource, &grantor, &format!("{status} from {path} to {place}")).await;
                assert!(error.to_string().contains(&grantor.issuer()), "{error}");
            }
            grantor.ledger(|ledger| ledger.first = None);
            for path in ["/.well-known/oauth-protected-resource/mcp", "/mcp"] {
                resource.rules(|rules| rules.first = Some(Arc::new(redirect(path, status, place.clone()))));
                fails(&resource, &grantor, &format!("{status} from {path} to {place}")).await;
            }
            resource.rules(|rules| rules.first = None);
        }
        assert_eq!((forbidden.connections().await, other.listener.connections().await), (0, 0));
    }
}

/// A redirect within the origin is followed a few times, and a chain of them is left where it leaves the origin.
#[tokio::test]
async fn a_chain_of_redirects_is_followed_to_the_end_of_its_origin() {
    let (grantor, resource, forbidden) = world();
    let chain = |hops: usize, end: String| {
        move |seen: &Seen| {
            let path = "/.well-known/oauth-authorization-server";
            let at: usize = match seen.path.strip_prefix("/hop") {
                Some(at) => at.parse().unwrap(),
                None if seen.path == path => 0,
                None => return None,
            };
            let to = if at < hops { format!("/hop{}", at + 1) } else { end.clone() };
            Some(with(text(302, ""), "location", &to))
        }
    };
    for (hops, end) in [(1, format!("http://127.0.0.1:{}/", forbidden.port())), (1000, "/".to_owned())] {
        grantor.ledger(|ledger| ledger.first = Some(Arc::new(chain(hops, end))));
        let before = grantor.listener.seen().len();
        let error = fails(&resource, &grantor, "a chain").await;
        assert!(error.to_string().contains("redirect"), "{error}");
        assert!(grantor.listener.seen().len() - before <= 8);
    }
    assert_eq!(forbidden.connections().await, 0);
}

#[tokio::test]
async fn metadata_of_somebody_else_is_not_believed() {
    let (grantor, resource, _) = world();
    let honest = resource.rules(|rules| rules.metadata.clone());
    let url = resource.url();
    for other in [
        "https://mcp.example.com/mcp".to_owned(),
        url.replace("/mcp", "/other"),
        format!("{url}/deeper"),
        url.replace("http:", "https:"),
        url.replace("0.0.0.0", "127.0.0.1"),
        format!("{url}#part"),
        String::new(),
    ] {
        resource.rules(|rules| rules.metadata["resource"] = other.clone().into());
        let error = fails(&resource, &grantor, &other).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains("is metadata of"), "{error}");
    }
    resource.rules(|rules| rules.metadata = honest);
    assert_eq!(grantor.listener.connections().await, 0);
    let issuer = grantor.issuer();
    for other in
        [format!("{issuer}/tenant"), issuer.replace("http:", "https:"), "https://auth.example.com".into()]
    {
        grantor.ledger(|ledger| ledger.metadata["issuer"] = other.clone().into());
        let authorization = agreeing(&grantor).trust(&issuer);
        let error = connect(url, authorization).await.err().unwrap();
        assert!(error.to_string().contains("the issuer") && error.to_string().contains(&other), "{error}");
    }
    assert!(grantor.ledger(|ledger| ledger.asked.is_empty() && ledger.registrations == 0));
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_not_redeemed() {
    let (grantor, resource, _) = world();
    for other in ["https://evil.example.com".to_owned(), format!("{}/", grantor.issuer())] {
        grantor.ledger(|ledger| ledger.iss = Some(other.clone()));
        let error = fails(&resource, &grantor, &other).await;
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.to_string().contains(&other), "{error}");
    }
    assert!(grantor.asked_by("authorization_code").is_empty());
}

#[tokio::test]
async fn documents_are_read_to_a_limit_and_errors_do_not_repeat_them() {
    let (grantor, resource, _) = world();
    let large = "x".repeat(400 << 10);
    let path = "/.well-known/oauth-authorization-server";
    let lying = json!({"issuer": large}).to_string();
    for (what, document) in [
        ("too large", format!("{{\"issuer\":\"{}\"}}", "x".repeat(600 << 10))),
        ("lying at length", lying),
        ("deep", "[".repeat(100_000)),
        ("no JSON", "<html>".to_owned()),
        ("another type", "[]".to_owned()),
    ] {
        let answer = move |seen: &Seen| (seen.path == path).then(|| text(200, document.clone()));
        grantor.ledger(|ledger| ledger.first = Some(Arc::new(answer)));
        let error = fails(&resource, &grantor, what).await;
        assert!(error.to_string().len() < 2_000, "{what}: {} bytes", error.to_string().len());
    }
    grantor.ledger(|ledger| ledger.first = None);
    resource.rules(|rules| rules.metadata["resource"] = large.clone().into());
    let error = fails(&resource, &grantor, "a resource at length").await;
    assert!(error.to_string().len() < 2_000, "{} bytes", error.to_string().len());
    resource.rules(|rules| {
        rules.metadata = json!({"resource": rules.metadata["resource"], "authorization_servers": [large]});
    });
    fails(&resource, &grantor, "an issuer at length").await;
    // A document that does not end is cut off.
    let (grantor, resource, _) = world();
    grantor.ledger(|ledger| {
        ledger.first = Some(Arc::new(move |seen: &Seen| (seen.path == path).then(crate::listener::endless)));
    });
    let error = fails(&resource, &grantor, "an endless document").await;
    assert!(error.to_string().contains("KiB"), "{error}");
}

/// The clock stands still from when the server was asked, and goes on by itself when nothing else is left to do.
#[tokio::test]
async fn a_server_that_is_silent_is_not_waited_for() {
    let (grantor, resource, _) = world();
    grantor.ledger(|ledger| {
        ledger.first =
            Some(Arc::new(|seen: &Seen| seen.path.starts_with("/.well-known").then(crate::listener::silent)));
    });
    let authorization = agreeing(&grantor).trust(&grantor.issuer());
    let url = resource.url().to_owned();
    let connecting = tokio::spawn(async move { connect(&url, authorization).await.map(drop) });
    grantor.listener.sees(|_| true).await;
    tokio::time::pause();
    let error = connecting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains(&grantor.issuer()), "{error}");
}

/// What is opened for a user may be a shell's argument.
#[tokio::test]
async fn a_user_is_shown_addresses_that_are_only_addresses() {
    let (grantor, resource, _) = world();
    let issuer = grantor.issuer();
    for path in [
        "/$(touch owned)",
        "/`id`;id|id",
        "/'\"><script>",
        "/a?b=$(id)&c=`id`",
        "/%0Aid",
        "/a&calc.exe",
        "/^|\\{}",
    ] {
        grantor.ledger(|ledger| ledger.metadata["authorization_endpoint"] = format!("{issuer}{path}").into());
        let shown = Arc::new(std::sync::Mutex::new(None));
        let keep = shown.clone();
        let user = Callback::new(REDIRECT_URI, move |url| {
            *keep.lock().unwrap() = Some(url);
            async { Err("the window was closed".into()) }
        });
        let authorization = Authorization::code("Report Builder").trust(&issuer).user_agent(user);
        let error = connect(resource.url(), authorization).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{path}: {error}");
        let shown = shown.lock().unwrap().take().unwrap();
        let text = shown.as_str();
        assert!(text.starts_with(&issuer), "{text}");
        assert!(
            !text.contains([
                '$', '(', ')', ';', '|', '\'', '`', '"', '<', '>', '^', '\\', '{', '}', ' ', '\n'
            ]),
            "{text}"
        );
    }
}
