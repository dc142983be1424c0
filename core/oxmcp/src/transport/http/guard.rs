use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Uri;
use http::{HeaderMap, HeaderValue};

use super::HttpOptions;
use crate::{Error, Result};

/// Decides by `Host` and `Origin` whether a request may come in.
///
/// A web page can make a browser send requests to a server on the user's own machine: from its own origin, or, by DNS rebinding, under a
/// host name that resolves to loopback (2026-07-28, Streamable HTTP, "Security & Endpoint"). Both headers betray that.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: Vec<Authority<String>>,
    origins: Vec<String>,
}

/// A host with its port, if it has one. An IPv6 address stands without its brackets.
#[derive(Debug, PartialEq, Eq)]
struct Authority<S> {
    host: S,
    port: Option<u16>,
}

impl Guard {
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if an entry can never match.
    pub(super) fn new(options: &HttpOptions) -> Result<Self> {
        let host = |entry: &String| match Authority::parse(entry) {
            Some(Authority { host, port }) => Ok(Authority { host: host.to_owned(), port }),
            None => Err(Error::misuse(format!(
                "{entry:?} in allowed_hosts is no host; write example.com or example.com:8080"
            ))),
        };
        let origin = |entry: &String| match Origin::parse(entry) {
            Some(_) => Ok(entry.clone()),
            None => Err(Error::misuse(format!(
                "{entry:?} in allowed_origins is no origin; write https://example.com, without a path"
            ))),
        };
        Ok(Self {
            hosts: options.allowed_hosts.iter().map(host).collect::<Result<_>>()?,
            origins: options.allowed_origins.iter().map(origin).collect::<Result<_>>()?,
        })
    }

    /// Says why a request may not come in.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> std::result::Result<(), String> {
        // HTTP/2, and a proxy's request line, name the host in the URI.
        let named = uri.authority().map(|authority| authority.as_str());
        let mut hosts = headers.get_all(HOST).iter().peekable();
        if named.is_none() && hosts.peek().is_none() {
            return Err("the request has no Host header".to_owned());
        }
        if let Some(host) = named
            && !self.allows_host(host)
        {
            return Err(refused("Host", host, "allowed_hosts"));
        }
        for value in hosts {
            if !value.to_str().is_ok_and(|host| self.allows_host(host)) {
                return Err(refused("Host", &shown(value), "allowed_hosts"));
            }
        }
        for value in headers.get_all(ORIGIN) {
            if !value.to_str().is_ok_and(|origin| self.allows_origin(origin)) {
                return Err(refused("Origin", &shown(value), "allowed_origins"));
            }
        }
        Ok(())
    }

    fn allows_host(&self, host: &str) -> bool {
        let Some(asked) = Authority::parse(host) else { return false };
        is_loopback(asked.host)
            || self.hosts.iter().any(|allowed| {
                allowed.host.eq_ignore_ascii_case(asked.host)
                    && (allowed.port.is_none() || allowed.port == asked.port)
            })
    }

    fn allows_origin(&self, origin: &str) -> bool {
        Origin::parse(origin).is_some_and(|origin| origin.is_loopback())
            || self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

impl<'a> Authority<&'a str> {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; nothing else passes.
    fn parse(authority: &'a str) -> Option<Self> {
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                let address = address.parse::<std::net::Ipv6Addr>().is_ok().then_some(address)?;
                match port {
                    "" => (address, None),
                    port => (address, Some(port.strip_prefix(':')?)),
                }
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
        if host.is_empty() || !host.bytes().all(is_name) {
            return None;
        }
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
            Some(_) => return None,
            None => None,
        };
        Some(Self { host, port })
    }
}

/// `scheme://host[:port]`.
struct Origin<'a> {
    scheme: &'a str,
    authority: Authority<&'a str>,
}

impl<'a> Origin<'a> {
    fn parse(origin: &'a str) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        Some(Self { scheme, authority: Authority::parse(authority)? })
    }

    fn is_loopback(&self) -> bool {
        let is_web = self.scheme.eq_ignore_ascii_case("http") || self.scheme.eq_ignore_ascii_case("https");
        is_web && is_loopback(self.authority.host)
    }
}

/// Whether a name or address, without brackets, means this machine and no other.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn refused(header: &str, value: &str, option: &str) -> String {
    format!("the {header} {value:?} is not allowed here; the server's {option} can allow it")
}

fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(hosts: &[&str], origins: &[&str]) -> Guard {
        let options = HttpOptions {
            allowed_hosts: hosts.iter().map(ToString::to_string).collect(),
            allowed_origins: origins.iter().map(ToString::to_string).collect(),
            ..HttpOptions::default()
        };
        Guard::new(&options).unwrap()
    }

    fn check(guard: &Guard, headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, value.parse().unwrap());
        }
        guard.check(&Uri::from_static("/mcp"), &map).is_ok()
    }

    #[test]
    fn loopback_hosts_pass_with_any_port() {
        let guard = guard(&[], &[]);
        for host in ["localhost", "LocalHost:3000", "127.0.0.1:1", "127.8.9.10", "[::1]", "[::1]:8080"] {
            assert!(check(&guard, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example.com",
            "localhost.evil.example.com",
            "127.0.0.1.evil.example.com",
            "192.168.0.1:80",
            "[::2]",
            "localhost:80@evil.example.com",
            "evil.example.com#localhost",
            "localhost:",
            "localhost:99999",
            "[::1",
            "",
        ] {
            assert!(!check(&guard, &[("host", host)]), "{host}");
        }
        assert!(!check(&guard, &[]), "no Host at all");
        assert!(!check(&guard, &[("host", "localhost"), ("host", "evil.example.com")]), "two of them");
    }

    #[test]
    fn the_host_of_an_absolute_uri_counts_too() {
        let guard = guard(&[], &[]);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert!(guard.check(&Uri::from_static("http://evil.example.com/mcp"), &headers).is_err());
        assert!(guard.check(&Uri::from_static("http://127.0.0.1:8/mcp"), &HeaderMap::new()).is_ok());
    }

    #[test]
    fn allowed_hosts_pass_with_their_port_or_with_any() {
        let guard = guard(&["mcp.example.com", "other.example.com:8080"], &[]);
        assert!(check(&guard, &[("host", "MCP.example.com:1234")]));
        assert!(check(&guard, &[("host", "other.example.com:8080")]));
        assert!(!check(&guard, &[("host", "other.example.com")]));
        assert!(!check(&guard, &[("host", "x.mcp.example.com")]));
    }

    #[test]
    fn an_origin_is_loopback_or_allowed_or_absent() {
        let guard = guard(&[], &["https://app.example.com"]);
        for origin in
            ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:1", "https://app.example.com"]
        {
            assert!(check(&guard, &[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
        for origin in [
            "http://evil.example.com",
            "null",
            "http://app.example.com",
            "https://app.example.com:8443",
            "ftp://localhost",
            "http://localhost.evil.example.com",
            "",
        ] {
            assert!(!check(&guard, &[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn an_entry_that_can_never_match_is_a_misuse() {
        for (hosts, origins) in [(&["http://a.b"][..], &[][..]), (&["a.b/c"], &[]), (&[], &["a.b"])] {
            let options = HttpOptions {
                allowed_hosts: hosts.iter().map(ToString::to_string).collect(),
                allowed_origins: origins.iter().map(ToString::to_string).collect(),
                ..HttpOptions::default()
            };
            assert_eq!(Guard::new(&options).unwrap_err().kind(), crate::ErrorKind::Misuse);
        }
    }
}
