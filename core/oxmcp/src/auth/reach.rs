use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

use super::address::Network;

/// Whom this side asks when a peer's metadata names a URL: the internet over `https`, and whomever the user has named.
///
/// A peer must not make this side speak to this machine, to the network behind it, or to the metadata of a cloud (2026-07-28, security best
/// practices, "Server-Side Request Forgery").
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    named: Vec<Url>,
}

/// Why a URL is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "it is no https URL; http is only for this machine, and for servers that the user has named with it (`Authorization::trust`)"
    )]
    Scheme,
    #[error("it holds a user name or password")]
    UserInfo,
    #[error("it has no host")]
    NoHost,
    #[error(
        "it is in a private network or on this machine, and the user named no server there (`Authorization::trust`)"
    )]
    Network,
}

impl Reach {
    /// The reach of a user who named these URLs.
    pub(crate) fn new(named: impl IntoIterator<Item = Url>) -> Self {
        Self { named: named.into_iter().collect() }
    }

    /// Checks what can be seen of a URL before its name is resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Refused> {
        let host = url.host().ok_or(Refused::NoHost)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        let is_named = || self.named.iter().any(|named| named.origin() == url.origin());
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) || is_named() => {}
            _ => return Err(Refused::Scheme),
        }
        // That name is an address by any other.
        let address = match &host {
            Host::Domain(_) if is_loopback(&host) => Some(Ipv4Addr::LOCALHOST.into()),
            _ => address(&host),
        };
        match address {
            Some(address) if !self.admits(&host, address) => Err(Refused::Network),
            _ => Ok(()),
        }
    }

    /// Whether the host of that name may be reached at `address`, to which its name was resolved.
    pub(crate) fn admits_name(&self, name: &str, address: IpAddr) -> bool {
        Host::parse(name).is_ok_and(|host| self.admits(&host.as_ref_host(), address))
    }

    fn admits(&self, host: &Host<&str>, address: IpAddr) -> bool {
        let network = Network::of(address);
        // A name that was named may lead anywhere but to a link: who answers for it must not make this side ask a cloud for what it keeps there.
        let is_named = || {
            let may_be_named = network != Network::Special || !matches!(host, Host::Domain(_));
            may_be_named && self.hosts().any(|named| named == *host)
        };
        if network == Network::Public || is_named() {
            return true;
        }
        // A name says nothing of where it leads, so only addresses vouch for their networks.
        let is_literal = match host {
            Host::Domain(_) => is_loopback(host),
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        };
        let is_near = |named: Host<&str>| {
            self::address(&named).is_some_and(|named| Network::of(named) == network)
                || (network == Network::Loopback && is_loopback(&named))
        };
        is_literal && network != Network::Special && self.hosts().any(is_near)
    }

    fn hosts(&self) -> impl Iterator<Item = Host<&str>> {
        self.named.iter().filter_map(Url::host)
    }
}

/// Whether a host is this machine by its very name.
pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn address(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}

/// A borrowed look at an owned host.
trait AsRefHost {
    fn as_ref_host(&self) -> Host<&str>;
}

impl AsRefHost for Host<String> {
    fn as_ref_host(&self) -> Host<&str> {
        match self {
            Host::Domain(name) => Host::Domain(name),
            Host::Ipv4(address) => Host::Ipv4(*address),
            Host::Ipv6(address) => Host::Ipv6(*address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(named: &[&str]) -> Reach {
        Reach::new(named.iter().map(|url| Url::parse(url).unwrap()))
    }

    #[test]
    fn a_public_server_reaches_the_internet_over_https_alone() {
        let reach = reach(&["https://mcp.example.com/mcp"]);
        let check = |url: &str| reach.check(&Url::parse(url).unwrap());
        assert_eq!(check("https://auth.example.org/.well-known/x"), Ok(()));
        assert_eq!(check("https://mcp.example.com/.well-known/x"), Ok(()));
        assert_eq!(check("http://auth.example.org/"), Err(Refused::Scheme));
        for scheme in
            ["file:///etc/passwd", "ftp://example.org/x", "gopher://example.org/", "javascript:alert(1)"]
        {
            assert!(check(scheme).is_err(), "{scheme}");
        }
        assert_eq!(check("https://user@auth.example.org/"), Err(Refused::UserInfo));
        for near in [
            "https://169.254.169.254/latest",
            "https://[::ffff:169.254.169.254]/latest",
            "https://127.0.0.1/",
            "http://localhost:8080/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://10.0.0.1/",
            "https://[fd00::1]/",
            "https://0.0.0.0/",
        ] {
            assert_eq!(check(near), Err(Refused::Network), "{near}");
        }
        assert!(!reach.admits_name("localhost", [127, 0, 0, 1].into()));
        assert!(!reach.admits_name("rebound.example.org", [127, 0, 0, 1].into()));
        assert!(!reach.admits_name("rebound.example.org", [169, 254, 169, 254].into()));
        assert!(reach.admits_name("auth.example.org", [1, 1, 1, 1].into()));
        // Their own server is where the user says it is.
        assert!(reach.admits_name("mcp.example.com", [10, 0, 0, 1].into()));
        assert!(!reach.admits_name("mcp.example.com", [169, 254, 169, 254].into()));
        assert!(!reach.admits_name("mcp.example.com", [0, 0, 0, 0].into()));
    }

    #[test]
    fn a_server_on_this_machine_reaches_this_machine_by_its_own_names() {
        let reach = reach(&["http://localhost:3000/mcp"]);
        let check = |url: &str| reach.check(&Url::parse(url).unwrap());
        assert_eq!(check("http://127.0.0.1:4000/"), Ok(()));
        assert_eq!(check("http://[::1]:4000/"), Ok(()));
        assert_eq!(check("https://169.254.169.254/"), Err(Refused::Network));
        assert_eq!(check("https://192.168.1.1/"), Err(Refused::Network));
        assert!(reach.admits_name("localhost", [127, 0, 0, 1].into()));
        assert!(!reach.admits_name("rebound.example.org", [127, 0, 0, 1].into()));
    }

    #[test]
    fn a_server_in_a_private_network_reaches_its_network_by_address() {
        let reach = reach(&["http://192.168.1.5:3000/mcp", "https://auth.corp/"]);
        let check = |url: &str| reach.check(&Url::parse(url).unwrap());
        assert_eq!(check("https://192.168.1.9/"), Ok(()));
        assert_eq!(check("http://192.168.1.5:3000/.well-known/x"), Ok(()));
        assert_eq!(check("http://192.168.1.5:3001/"), Err(Refused::Scheme));
        assert_eq!(check("https://127.0.0.1/"), Err(Refused::Network));
        assert_eq!(check("https://169.254.169.254/"), Err(Refused::Network));
        assert!(reach.admits_name("auth.corp", [10, 2, 3, 4].into()));
        assert!(!reach.admits_name("other.corp", [10, 2, 3, 4].into()));
    }
}
