//! Names that lead to this machine, or to the network behind it. Whatever of a server's metadata names them is not connected to.

use std::net::{IpAddr, TcpListener};

use futures_util::future::select_all;
use serde_json::json;

use super::grantor::Grantor;
use super::resource::Resource;
use super::scripted_names::{PUBLIC, ScriptedNames};
use crate::auth::{Authorization, Callback};
use crate::{Client, Error, ErrorKind, ProtocolVersion};

/// A name that is not `localhost`.
const NAME: &str = "auth.example.com";

/// Where a name must not lead.
const FORBIDDEN: [&str; 18] = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fd00:ec2::254",
    "fe80::1",
];

/// A port of this machine, at which connections wait to be counted.
struct Port {
    number: u16,
    listeners: Vec<TcpListener>,
}

impl Port {
    /// One at which these addresses are listened to; the first has to be there.
    fn at(addresses: [&str; 2]) -> Self {
        let mut listeners = vec![TcpListener::bind((addresses[0], 0)).unwrap()];
        let number = listeners[0].local_addr().unwrap().port();
        listeners.extend(TcpListener::bind((addresses[1], number)).ok());
        for listener in &listeners {
            listener.set_nonblocking(true).unwrap();
        }
        Self { number, listeners }
    }

    fn url(&self) -> String {
        format!("https://{NAME}:{}", self.number)
    }

    /// Connections that were made since the last time, at each address. Whoever was let in is counted, for a system makes connections before
    /// anybody accepts them.
    fn connections(&self) -> Vec<usize> {
        let count = |listener: &TcpListener| std::iter::from_fn(|| listener.accept().ok()).count();
        self.listeners.iter().map(count).collect()
    }

    /// Waits for a connection, at any of the addresses.
    async fn is_connected(&self) -> usize {
        let accept = |listener: &TcpListener| {
            let listener = tokio::net::TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
            Box::pin(async move { listener.accept().await.unwrap() })
        };
        let (_, at, _) = select_all(self.listeners.iter().map(accept)).await;
        at
    }
}

/// A place in what servers say of themselves that names a URL.
type Place = fn(&Resource, &Grantor, &str);

const PLACES: [(&str, Place); 4] = [
    ("challenge", |resource, _, url| {
        resource.rules(|rules| rules.metadata_url = format!("{url}/metadata"));
    }),
    ("authorization server", |resource, _, url| {
        resource.rules(|rules| rules.metadata["authorization_servers"] = json!([url]));
    }),
    ("registration", |_, grantor, url| {
        grantor.ledger(|ledger| ledger.metadata["registration_endpoint"] = format!("{url}/register").into());
    }),
    ("tokens", |_, grantor, url| {
        grantor.ledger(|ledger| ledger.metadata["token_endpoint"] = format!("{url}/token").into());
    }),
];

/// What comes of connecting to a server, of whose metadata one place names `url`.
async fn connect(place: Place, url: String, names: &ScriptedNames, trusted: bool) -> Error {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    place(&resource, &grantor, &url);
    let user = Callback::new("com.example.app:/authorized", move |url| {
        let answer = grantor.approve(&url);
        async move { Ok(answer) }
    });
    let mut authorization = Authorization::code("Reports").user_agent(user).names(names.clone());
    if trusted {
        authorization = authorization.trust(&url);
    }
    let connect =
        Client::connect(resource.url()).only(ProtocolVersion::V2026_07_28).authorization(authorization);
    connect.await.map(drop).unwrap_err()
}

fn is_refused(error: &Error) -> bool {
    error.kind() == ErrorKind::Protocol
        && error.to_string().contains("is in a private network or on this machine")
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_or_its_network_is_not_connected_to() {
    let port = Port::at(["127.0.0.1", "::1"]);
    for (what, place) in PLACES {
        for address in FORBIDDEN {
            let names = ScriptedNames::new([vec![address.parse().unwrap()]]);
            let error = connect(place, port.url(), &names, false).await;
            assert!(is_refused(&error), "{what} at {address}: {:?} {error}", error.kind());
            assert_eq!(names.asked(), [NAME], "{what} at {address}");
        }
        assert!(port.connections().iter().all(|made| *made == 0), "{what}");
    }
}

/// What these tests show would be worth nothing if the names led nowhere.
#[tokio::test]
async fn a_name_that_the_user_trusts_is_connected_to_wherever_it_leads() {
    let port = Port::at(["127.0.0.1", "::1"]);
    for (what, place) in PLACES {
        let names = ScriptedNames::new([vec![[127, 0, 0, 1].into()]]);
        let connections = connect_to_silence(place, &port, &names, true).await;
        assert_eq!(connections[0], 1, "{what}");
    }
}

#[tokio::test]
async fn of_several_addresses_only_those_are_connected_to_that_may_be() {
    let (port, internet) = (Port::at(["127.0.0.1", "127.0.0.2"]), IpAddr::from([127, 0, 0, 2]));
    let found = ["10.0.0.1", "127.0.0.1", "8.8.8.8", "::1", "169.254.169.254"];
    for (what, place) in PLACES {
        let answer = found.iter().map(|address| address.parse().unwrap()).collect();
        let names = ScriptedNames::new([answer]).with_internet_at(internet);
        let connections = connect_to_silence(place, &port, &names, false).await;
        assert_eq!(connections, [0, 1], "{what}");
    }
}

/// The name says something else as soon as it was looked up, as an attacker's does between a check and a connection.
#[tokio::test]
async fn a_name_is_connected_to_where_it_was_checked() {
    let (port, internet) = (Port::at(["127.0.0.1", "127.0.0.2"]), IpAddr::from([127, 0, 0, 2]));
    for (what, place) in PLACES {
        let answers = [vec![PUBLIC], vec![[127, 0, 0, 1].into()]];
        let names = ScriptedNames::new(answers).with_internet_at(internet);
        let connections = connect_to_silence(place, &port, &names, false).await;
        assert_eq!(connections, [0, 1], "{what}");
        assert_eq!(names.asked(), [NAME], "{what}: it was looked up again");
        // The next connection is to where it leads by now, and not made.
        let error = connect(place, port.url(), &names, false).await;
        assert!(is_refused(&error), "{what}: {error}");
        assert_eq!(port.connections(), [0, 0], "{what}");
    }
}

/// The connections that were made at each address when there is one, over which nobody says anything.
async fn connect_to_silence(place: Place, port: &Port, names: &ScriptedNames, trusted: bool) -> Vec<usize> {
    let at = tokio::select! {
        error = connect(place, port.url(), names, trusted) => panic!("{error}"),
        at = port.is_connected() => at,
    };
    let mut connections = port.connections();
    connections[at] += 1;
    connections
}
