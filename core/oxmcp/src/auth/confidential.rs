use url::{Host, Url};

use super::address::Network;
use super::reach::is_loopback;
use crate::{Error, Result};

/// Names that lead nowhere but to this machine and its network (RFC 6761, RFC 6762, RFC 8375).
const LOCAL: [&str; 5] = [".localhost", ".local", ".internal", ".home.arpa", ".test"];

/// Fails if what was granted for a server would go to it in the clear, through networks in which others may take it (RFC 6750, section 5.3;
/// 2026-07-28, authorization, "Communication Security"), and the user has not `named` the server with that.
pub(crate) fn check_confidential(url: &Url, named: &[Url]) -> Result<()> {
    let is_near = url.host().is_none_or(|host| is_near(&host));
    if url.scheme() != "http" || is_near || named.iter().any(|named| named.origin() == url.origin()) {
        return Ok(());
    }
    Err(Error::misuse(
        "tokens would be sent to the server in the clear; use an https URL, or say `Authorization::trust` with this one if its network is to be trusted",
    ))
}

/// Whether a host is on this machine, in its network, or on its link, as far as can be seen of it.
fn is_near(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            is_loopback(host) || !name.contains('.') || LOCAL.iter().any(|local| name.ends_with(local))
        }
        Host::Ipv4(address) => Network::of((*address).into()) != Network::Public,
        Host::Ipv6(address) => Network::of((*address).into()) != Network::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn what_was_granted_goes_through_no_network_in_the_clear() {
        let url = |url: &str| Url::parse(url).unwrap();
        let check = |text: &str| check_confidential(&url(text), &[]);
        for confidential in [
            "https://mcp.example.com/mcp",
            "http://127.0.0.1:8000/mcp",
            "http://[::1]/mcp",
            "http://0.0.0.0:8000/mcp",
            "http://localhost:8000/mcp",
            "http://192.168.1.5/mcp",
            "http://server:8000/mcp",
            "http://printer.local/mcp",
            "http://mcp.internal/mcp",
        ] {
            assert!(check(confidential).is_ok(), "{confidential}");
        }
        for open in [
            "http://mcp.example.com/mcp",
            "http://1.1.1.1/mcp",
            "http://local.example.com/",
            "http://notlocal.org./",
        ] {
            assert_eq!(check(open).unwrap_err().kind(), ErrorKind::Misuse, "{open}");
        }
        let named = [url("http://mcp.example.com")];
        assert!(check_confidential(&url("http://mcp.example.com/mcp"), &named).is_ok());
        assert!(check_confidential(&url("http://mcp.example.com:81/mcp"), &named).is_err());
    }
}
